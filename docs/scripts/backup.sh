#!/usr/bin/env bash
# Dumps one database, proves the dump, uploads it, and only then deletes old ones. For cron, as the account that owns
# the directory; the password is in ~/.pgpass (mode 0600):
#   0 2 * * *  BACKUP_DIR=/backups/postgres UPLOAD_TO=s3://emailai-backups/database /opt/scripts/backup.sh >>/var/log/backup.log 2>&1
#
# The deployment guide's script reports success whatever happened, for it asks for the exit code of `find`. This one
# ends at the first command that fails; nobody sees half a file, for each is written under another name and renamed.
#
#   PGDATABASE      what is dumped (emailai_prod); PGHOST, PGPORT and PGUSER say where
#   BACKUP_DIR      where dumps are kept (/backups/postgres)
#   UPLOAD_TO       s3://BUCKET/PREFIX, or a directory; empty: nowhere
#   RETENTION_DAYS  dumps older than this are deleted here (30), but never the newest KEEP (7); in S3 a lifecycle rule does
#   MAIL_TO         who is told of a failure (ops@example.com), if there is a `mail`
#   PING_URL        is fetched after each success: whoever watches it learns of a night without one
set -euo pipefail
umask 077

export PGDATABASE=${PGDATABASE:-emailai_prod} PGHOST=${PGHOST:-localhost} PGUSER=${PGUSER:-emailai}
directory=${BACKUP_DIR:-/backups/postgres}
upload_to=${UPLOAD_TO:-}
prefix=${BACKUP_PREFIX:-emailai}
keep=${KEEP:-7}
days=${RETENTION_DAYS:-30}
name=${prefix}_$(date +%Y%m%d_%H%M%S).backup.gz
dump=$directory/.$name.dump
packed=$directory/.$name.part
step='starting'

ended() {
    status=$?
    rm -f -- "$dump" "$packed"
    if [ "$status" -ne 0 ]; then
        message="Backup failed while $step (exit code $status): $name"
        echo "$message" >&2
        if command -v mail >/dev/null && [ -n "${MAIL_TO-ops@example.com}" ]; then
            echo "$message" | mail -s "Database Backup Failed" "${MAIL_TO-ops@example.com}" || true
        fi
    fi
    exit "$status"
}
trap ended EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p -- "$directory"
exec 9>"$directory/.lock"
step='waiting for an earlier run'
if command -v flock >/dev/null; then flock -n 9; fi

# Not compressed by pg_dump: gzip's checksum is then over all of it, and nothing is compressed twice. Into a file, not
# into a pipe: pg_restore --jobs needs the places that pg_dump notes at the end.
step='dumping'
pg_dump --no-password --format=custom --blobs --compress=0 --file="$dump"

step='reading the dump back'
tables=$(pg_restore --list "$dump" | grep -c ' TABLE DATA ' || true)
[ "$tables" -gt 0 ] || { echo "the dump holds the data of no table" >&2; exit 65; }
pg_restore --file=/dev/null "$dump"

step='compressing'
gzip --stdout --no-name "$dump" >"$packed"
rm -f -- "$dump"
gzip --test "$packed"
mv -- "$packed" "$directory/$name"

step='uploading'
size=$(wc -c <"$directory/$name")
case $upload_to in
'') ;;
s3://*)
    aws s3 cp --only-show-errors "$directory/$name" "${upload_to%/}/$name"
    rest=${upload_to#s3://}
    bucket=${rest%%/*}
    folder=${rest#"$bucket"}
    folder=${folder#/}
    key=${folder:+${folder%/}/}$name
    there=$(aws s3api head-object --bucket "$bucket" --key "$key" --query ContentLength --output text)
    [ "$there" -eq "$size" ] || { echo "uploaded $there bytes of $size" >&2; exit 74; }
    ;;
*)
    mkdir -p -- "$upload_to"
    cp -- "$directory/$name" "$upload_to/.$name.part"
    cmp -- "$directory/$name" "$upload_to/.$name.part"
    mv -- "$upload_to/.$name.part" "$upload_to/$name"
    ;;
esac

# Reached only by a good dump: while new ones fail, no old one is deleted.
step='deleting old dumps'
for place in "$directory" ${upload_to:+"$upload_to"}; do
    [ -d "$place" ] || continue
    find "$place" -maxdepth 1 -type f -name "${prefix}_*.backup.gz" | sort -r | tail -n "+$((keep + 1))" |
        while IFS= read -r old; do
            find "$old" -mtime "+$days" -delete
        done
done

if [ -n "${PING_URL:-}" ]; then
    step='telling of the success'
    curl --fail --silent --show-error --max-time 20 --output /dev/null "$PING_URL"
fi
step='ending'
echo "Backup successful: $name ($size bytes, $tables tables)"

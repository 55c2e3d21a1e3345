#!/usr/bin/env bash
# Packs the application's files, proves the tarball, uploads it, and only then deletes old ones. For cron, as the account
# that owns the directory:
#   30 2 * * *  UPLOAD_TO=s3://emailai-backups/application /opt/scripts/app-backup.sh >>/var/log/backup.log 2>&1
#
# The deployment guide's script packs .env.production as well, and so copies every secret into each of thirty files: this
# one leaves out files of variables, keys, repositories and dependencies. It ends at the first command that fails.
#
#   APP_PATHS       what is packed, below APP_ROOT (/): "var/www/emailai/uploads var/log/emailai"
#   BACKUP_DIR      where tarballs are kept (/backups/app)
#   UPLOAD_TO       s3://BUCKET/PREFIX, or a directory; empty: nowhere
#   RETENTION_DAYS  tarballs older than this are deleted here (30), but never the newest KEEP (7); in S3 a lifecycle rule does
#   MAIL_TO         who is told of a failure (ops@example.com), if there is a `mail`
set -euo pipefail
umask 077

read -ra paths <<<"${APP_PATHS:-var/www/emailai/uploads var/log/emailai}"
directory=${BACKUP_DIR:-/backups/app}
upload_to=${UPLOAD_TO:-}
keep=${KEEP:-7}
days=${RETENTION_DAYS:-30}
name=emailai_app_$(date +%Y%m%d_%H%M%S).tar.gz
part=$directory/.$name.part
step='starting'

ended() {
    status=$?
    rm -f -- "$part"
    if [ "$status" -ne 0 ]; then
        message="Backup failed while $step (exit code $status): $name"
        echo "$message" >&2
        if command -v mail >/dev/null && [ -n "${MAIL_TO-ops@example.com}" ]; then
            echo "$message" | mail -s "Application Backup Failed" "${MAIL_TO-ops@example.com}" || true
        fi
    fi
    exit "$status"
}
trap ended EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p -- "$directory"

# GNU tar ends with 1 where a log grew while it was read: what is in the tarball then is whole.
step='packing'
status=0
tar --create --gzip --file="$part" --directory="${APP_ROOT:-/}" --exclude-vcs --exclude=node_modules \
    --exclude='.env' --exclude='.env.*' --exclude='*.pem' --exclude='*.key' --exclude='*.p12' --exclude='*.pfx' \
    --exclude='id_rsa' --exclude='id_ed25519' --exclude='.netrc' --exclude='.pgpass' \
    -- "${paths[@]}" || status=$?
[ "$status" -le 1 ] || exit "$status"

step='reading it back'
gzip --test "$part"
for path in "${paths[@]}"; do
    files=$(tar --list --gzip --file="$part" -- "$path" | grep -vc '/$' || true)
    [ "$files" -gt 0 ] || { echo "no file of $path is in it" >&2; exit 65; }
done
mv -- "$part" "$directory/$name"

step='uploading'
case $upload_to in
'') ;;
s3://*) aws s3 cp --only-show-errors "$directory/$name" "${upload_to%/}/$name" ;;
*)
    mkdir -p -- "$upload_to"
    cp -- "$directory/$name" "$upload_to/.$name.part"
    mv -- "$upload_to/.$name.part" "$upload_to/$name"
    ;;
esac

# Reached only by a good one: while new ones fail, no old one is deleted.
step='deleting old ones'
for place in "$directory" ${upload_to:+"$upload_to"}; do
    [ -d "$place" ] || continue
    find "$place" -maxdepth 1 -type f -name 'emailai_app_*.tar.gz' | sort -r | tail -n "+$((keep + 1))" |
        while IFS= read -r old; do
            find "$old" -mtime "+$days" -delete
        done
done
step='ending'
echo "Backup successful: $name"

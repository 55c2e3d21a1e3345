#!/bin/bash
# /opt/scripts/backup-db.sh

TIMESTAMP=$(date +%Y%m%d_%H%M%S)
BACKUP_DIR="/backups/postgres"
DB_NAME="emailai_prod"
RETENTION_DAYS=30

# Create backup
pg_dump -h localhost -U emailai -F c -b -v -f "$BACKUP_DIR/emailai_$TIMESTAMP.backup" $DB_NAME

# Compress
gzip "$BACKUP_DIR/emailai_$TIMESTAMP.backup"

# Upload to S3
aws s3 cp "$BACKUP_DIR/emailai_$TIMESTAMP.backup.gz" s3://emailai-backups/database/

# Cleanup old backups
find $BACKUP_DIR -name "*.backup.gz" -mtime +$RETENTION_DAYS -delete

# Verify backup
if [ $? -eq 0 ]; then
    echo "Backup successful: emailai_$TIMESTAMP.backup.gz"
else
    echo "Backup failed!" | mail -s "Database Backup Failed" ops@example.com
fi

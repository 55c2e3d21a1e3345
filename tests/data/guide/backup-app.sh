#!/bin/bash
# Backup uploaded files, logs, etc.

TIMESTAMP=$(date +%Y%m%d_%H%M%S)
tar -czf "/backups/app/emailai_app_$TIMESTAMP.tar.gz" \
  /var/www/emailai/uploads \
  /var/www/emailai/.env.production \
  /var/log/emailai

# Upload to S3
aws s3 cp "/backups/app/emailai_app_$TIMESTAMP.tar.gz" s3://emailai-backups/application/

# Cleanup
find /backups/app -name "*.tar.gz" -mtime +30 -delete

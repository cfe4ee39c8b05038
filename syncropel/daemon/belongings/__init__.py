"""What an instance has beside its log (keys, secrets, settings, task files), in archives with its backups."""

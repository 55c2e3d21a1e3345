-- The role the suite looks through: it reads statistics and catalogs, and writes nothing.
-- Run as a superuser (managed services: as the admin role), once per cluster; it may be run again.
--   psql --set=ON_ERROR_STOP=1 --set=database=emailai --file=docs/permissions/postgres.sql
-- Then give it a password without leaving one in a history or a log:  \password verifier

SELECT 'CREATE ROLE verifier'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'verifier') \gexec

-- NOSUPERUSER, NOREPLICATION and NOBYPASSRLS are the defaults of CREATE ROLE; naming them here would need a superuser.
ALTER ROLE verifier LOGIN NOCREATEDB NOCREATEROLE INHERIT CONNECTION LIMIT 8;

-- A default any client can lift: the suite opens every transaction READ ONLY, reads it back, and refuses to run otherwise.
-- What really keeps the role from writing is that it has no grant to write.
ALTER ROLE verifier SET default_transaction_read_only = on;
ALTER ROLE verifier SET statement_timeout = '5s';
ALTER ROLE verifier SET lock_timeout = '1s';
ALTER ROLE verifier SET idle_in_transaction_session_timeout = '10s';

-- Statistics and settings of the whole cluster, and pg_ls_*dir(); no rows of any table.
GRANT pg_monitor TO verifier;
GRANT CONNECT ON DATABASE :"database" TO verifier;

\connect :"database"
GRANT USAGE ON SCHEMA public TO verifier;

-- These come from PUBLIC, so they can only be taken from PUBLIC, and an application may rely on them: look before you leap.
-- PostgreSQL 14 and older (and databases upgraded from there) let everybody create in the schema public:
--   REVOKE CREATE ON SCHEMA public FROM PUBLIC;
-- and every version lets everybody make temporary tables:
--   GRANT TEMPORARY ON DATABASE emailai TO emailai;  REVOKE TEMPORARY ON DATABASE emailai FROM PUBLIC;

-- The one table the migration and drift checks read: names, checksums and times of migrations, nobody's data. pg_monitor
-- reads no table. Without it they say "cannot tell", and name this very line. The column `logs` is left out: it may hold SQL,
-- and with it data (granted, only its length and error code are taken). Run this again after the first `migrate deploy`.
SELECT format('GRANT USAGE ON SCHEMA %I TO verifier; GRANT SELECT (id, migration_name, checksum, started_at, finished_at,'
              ' rolled_back_at, applied_steps_count) ON %I._prisma_migrations TO verifier', n.nspname, n.nspname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relname = '_prisma_migrations' AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' \gexec
-- Drift needs nothing more: everybody may read the catalogs, and asking what a role may do takes no grant.

-- Proof: no row means that the role can write to no table.
SELECT c.oid::regclass AS verifier_can_write_to
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%'
   AND has_table_privilege('verifier', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE');

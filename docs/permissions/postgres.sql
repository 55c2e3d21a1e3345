-- The role the suite looks through: it reads statistics and catalogs, and writes nothing.
-- Run as a superuser (managed services: as the admin role), once per cluster, and again after migrations that make tables.
--   psql --set=ON_ERROR_STOP=1 --set=database=emailai --file=docs/permissions/postgres.sql
-- For the section `tenants`, add the columns that name rows and tenants, and those whose values are counted by shape:
--   --set=ids=organizations.id,users.id,users.organization_id,accounts.user_id,accounts.organization_id
--   --set=shapes=accounts.access_token,accounts.refresh_token,users.email
-- Then give it a password without leaving one in a history or a log:  \password verifier

SELECT 'CREATE ROLE verifier'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'verifier') \gexec

-- NOSUPERUSER, NOREPLICATION and NOBYPASSRLS are the defaults of CREATE ROLE; naming them here would need a superuser.
ALTER ROLE verifier LOGIN NOCREATEDB NOCREATEROLE INHERIT CONNECTION LIMIT 16;

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

-- How far sequences are from their end, which pg_monitor does not show. SELECT takes no number from any: that is USAGE.
SELECT format('GRANT USAGE ON SCHEMA %I TO verifier; GRANT SELECT ON ALL SEQUENCES IN SCHEMA %I TO verifier', nspname, nspname)
  FROM pg_namespace n WHERE EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind = 'S')
   AND nspname !~ '^pg_' AND nspname <> 'information_schema' \gexec

-- What only a superuser may give; managed services do not (`managed: true` in the environment file leaves out pg_hba.conf).
DO $$
BEGIN
  GRANT SELECT ON pg_hba_file_rules TO verifier;
  GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO verifier;
  EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT SELECT ON SEQUENCES TO verifier',
                 (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()));
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'not a superuser: pg_hba_file_rules and the sequences of later migrations stay closed to verifier';
END $$;

-- Tenants: the columns that say whose a row is, and nothing else of it; past the policies, which would hide what is wrong.
\if :{?ids}
SELECT format('GRANT SELECT (%I) ON %s TO verifier', substring(c FROM '[^.]+$'),
              (SELECT string_agg(quote_ident(p), '.') FROM unnest(string_to_array(substring(c FROM '^(.*)\.[^.]+$'), '.')) p))
  FROM unnest(string_to_array(:'ids', ',')) c \gexec
SELECT DISTINCT format('CREATE POLICY golive_verifier ON %s FOR SELECT TO verifier USING (true)', t.oid::regclass)
  FROM unnest(string_to_array(:'ids', ',')) c, pg_class t
 WHERE t.oid = to_regclass((SELECT string_agg(quote_ident(p), '.')
                              FROM unnest(string_to_array(substring(c FROM '^(.*)\.[^.]+$'), '.')) p))
   AND t.relrowsecurity AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = t.oid AND polname = 'golive_verifier') \gexec
\endif

-- Tokens and addresses: verifier gets numbers from a view and can read none of them. The view's owner must be above the
-- policies of these tables (a superuser, or BYPASSRLS).
\if :{?shapes}
SELECT 'CREATE SCHEMA golive' WHERE to_regnamespace('golive') IS NULL \gexec
GRANT USAGE ON SCHEMA golive TO verifier;
SELECT 'DROP VIEW golive.shapes' WHERE to_regclass('golive.shapes') IS NOT NULL \gexec
SELECT 'CREATE VIEW golive.shapes (relation, attribute, rows, total, clear, cipher, placeholders) AS '
       || string_agg(format($view$
SELECT %1$L::regclass::text, %2$L, count(*), count(%2$I), count(*) FILTER (WHERE %2$I ~ '^(ya29\.|1//|eyJ[A-Za-z0-9_-]+\.|M\.[A-Z]|[01]\.A[A-Za-z]|EwB|gh[ous]_|xox[a-z]-)'),
       count(*) FILTER (WHERE %2$I ~ '^([0-9a-fA-F]{48,}|[A-Za-z0-9+/_-]{40,}={0,2}|([A-Za-z0-9+/_=$-]+[:.|]){1,4}[A-Za-z0-9+/_=-]{24,})$'
                              AND %2$I !~ '^(ya29\.|1//|eyJ[A-Za-z0-9_-]+\.|M\.[A-Z]|[01]\.A[A-Za-z]|EwB|gh[ous]_|xox[a-z]-)'),
       count(*) FILTER (WHERE lower(%2$I) = 'admin@example.com')
  FROM %1$s $view$,
              (SELECT string_agg(quote_ident(p), '.') FROM unnest(string_to_array(substring(c FROM '^(.*)\.[^.]+$'), '.')) p),
              substring(c FROM '[^.]+$')), ' UNION ALL ')
  FROM unnest(string_to_array(:'shapes', ',')) c \gexec
GRANT SELECT ON golive.shapes TO verifier;
\endif

-- Proof: no row means that the role can write to no table.
SELECT c.oid::regclass AS verifier_can_write_to
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%'
   AND has_table_privilege('verifier', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE');

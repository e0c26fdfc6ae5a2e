import type { Client } from 'pg'
import { sqlState } from '../errors.ts'
import { TASK_ROLE } from '../session.ts'
import { readSubjects, type Subject } from './subjects.ts'
import { WallError } from './wall-error.ts'

/** The SQLSTATE that only the block below raises, with the reason as its message. */
const BREACH = 'TD500'

/**
 * A single block, so that it takes one round trip. UPDATE and DELETE have no WHERE, because a statement
 * that reads a column must also pass the policies for SELECT, which would hide a fault of the others.
 */
const trial = (subjects: string) => `do $trial$
declare
  me constant text := 'wall-' || gen_random_uuid();
  subjects constant json := ${subjects};
  subject record;
  scope text;
  actor text;
  statement text;
  touched bigint;
begin
  perform set_config('role', '${TASK_ROLE}', true), set_config('app.user_id', me, true);
  for subject in select * from json_to_recordset(subjects) as s (name text, inserts boolean, selects boolean, insertion text) loop
    continue when not subject.inserts;
    begin
      execute format(subject.insertion, me);
    exception when insufficient_privilege or integrity_constraint_violation or data_exception then
      raise exception using errcode = '${BREACH}', message = format('A user cannot write a row of their own to %s: %s', subject.name, sqlerrm);
    end;
    continue when not subject.selects;
    execute 'select from ' || subject.name;
    get diagnostics touched = row_count;
    if touched <> 1 then
      raise exception using errcode = '${BREACH}', message = format('A user does not see exactly their own rows of %s', subject.name);
    end if;
  end loop;

  foreach scope in array array[me || '-other', ''] loop
    actor := case scope when '' then 'A statement without a user' else 'Another user' end;
    perform set_config('app.user_id', scope, true);
    for subject in select * from json_to_recordset(subjects) as s (name text, insertion text, change text) loop
      foreach statement in array array['select from ' || subject.name || ' limit 1', subject.change, 'delete from ' || subject.name] loop
        continue when statement is null;
        begin
          execute statement;
          get diagnostics touched = row_count;
          if touched > 0 then
            raise exception using errcode = '${BREACH}', message = format('%s reaches rows of %s by %s', actor, subject.name, upper(split_part(statement, ' ', 1)));
          end if;
        exception when insufficient_privilege then null;
        end;
      end loop;
      begin
        execute format(subject.insertion, me);
        raise exception using errcode = '${BREACH}', message = format('%s writes rows of others to %s', actor, subject.name);
      exception
        when insufficient_privilege then null;
        -- PostgreSQL checks policies before keys and constraints.
        when integrity_constraint_violation then
          raise exception using errcode = '${BREACH}', message = format('%s writes rows of others to %s', actor, subject.name);
      end;
    end loop;
  end loop;
end $trial$`

/**
 * Tries every kind of statement on every table of users' rows, as another user and without a user,
 * against the rows of a random test user. It takes the tasks role; the caller must roll back the
 * transaction.
 *
 * @param subjects the tables, if they have been read already.
 * @throws {WallError} if a statement reaches rows of another user.
 */
export async function proveVerbs(client: Client, subjects?: readonly Subject[]): Promise<void> {
  const tables = JSON.stringify(subjects ?? (await readSubjects(client)))
  try {
    await client.query(trial(client.escapeLiteral(tables)))
  } catch (error) {
    if (sqlState(error) !== BREACH || !(error instanceof Error)) throw error
    throw new WallError(
      `${error.message}. Row-level security is not effective on this database. Compare its policies with specs/001-backend-spec-manager/data-model.md`,
      { cause: error },
    )
  }
}

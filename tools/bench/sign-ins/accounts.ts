import type { Client } from 'pg'
import { hash } from '../../../backend/src/accounts/passwords.ts'

const PASSWORD = 'a password of the benchmark'

/** Somebody who signs in, from an address that is nobody else's. */
export interface Account {
  readonly email: string
  readonly password: string
  readonly address: string
}

const INSERT_USERS = `
  insert into todo_auth."user" (id, name, email, "emailVerified", "updatedAt")
  select 'account-' || n, 'Account ' || n, 'account-' || n || '@example.com', false, now()
  from generate_series(1, $1::int) n`
const INSERT_PASSWORDS = `
  insert into todo_auth.account (id, "accountId", "providerId", "userId", password, "updatedAt")
  select id, id, 'credential', id, $1, now() from todo_auth."user" where id like 'account-%'`

/**
 * Makes accounts in the database of a server that is ready, as its superuser. They share one hash:
 * what it costs to verify one does not depend on the others.
 *
 * @param count at most 254: one address each in 192.0.2.0/24, which is nobody's (RFC 5737).
 */
export async function seedAccounts(client: Client, count: number): Promise<Account[]> {
  await client.query(INSERT_USERS, [count])
  await client.query(INSERT_PASSWORDS, [await hash(PASSWORD)])
  await client.query('vacuum analyze todo_auth."user", todo_auth.account')
  return Array.from({ length: count }, (_, at) => ({
    email: `account-${at + 1}@example.com`,
    password: PASSWORD,
    address: `192.0.2.${at + 1}`,
  }))
}

import type { Client } from 'pg'
import { scryptPasswords } from '../../../backend/src/accounts/passwords.ts'

const PASSWORD = 'a password of the benchmark'

/** A user who signs in from their own client address. */
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
 * Inserts accounts into the database of a running server, as its superuser. They share one password hash,
 * which does not change the cost of verification.
 *
 * @param count at most 254, for one address each in 192.0.2.0/24, which is reserved for documentation
 *   (RFC 5737).
 */
export async function seedAccounts(client: Client, count: number): Promise<Account[]> {
  await client.query(INSERT_USERS, [count])
  await client.query(INSERT_PASSWORDS, [await scryptPasswords().hash(PASSWORD)])
  await client.query('vacuum analyze todo_auth."user", todo_auth.account')
  return Array.from({ length: count }, (_, at) => ({
    email: `account-${at + 1}@example.com`,
    password: PASSWORD,
    address: `192.0.2.${at + 1}`,
  }))
}

import { Ajv } from 'ajv'
import { AppError } from '../core/errors.ts'
import { deleteAccount, type ListedAccount, listAccounts } from '../models/accounts/account.ts'
import { SignUp } from '../schemas/accounts/account.ts'
import type { Accounts } from './accounts.ts'
import { passwordKey } from './limits.ts'

/** Whose account it is, for the person who runs the server. */
export interface Person {
  readonly id: string
  readonly email: string
}

const PAGE = 1_000

/** Of a sign-up, each member by itself. */
const isAllowed = new Ajv({ strict: false }).compile({ ...SignUp, required: [] })

/**
 * @returns the address as it is kept, in lower case.
 * @throws {Error} when it is none Better Auth lets sign in, or taken.
 */
export async function newAddress(accounts: Accounts, given: string): Promise<string> {
  const email = given.toLowerCase()
  const { api, $context } = await accounts.betterAuth()
  // Its rule is stricter than the schema's, and it exports the rule nowhere else.
  const { success } = api.requestPasswordReset.options.body.safeParse({ email })
  if (!success || !isAllowed({ email })) throw new Error(`${given} is not an e-mail address`)
  const { internalAdapter } = await $context
  if (await internalAdapter.findUserByEmail(email)) throw taken(email)
  return email
}

/**
 * Makes an account whose address counts as verified, whether or not anybody may sign up.
 *
 * @param email of {@link newAddress}.
 * @throws {Error} when the name or the password is not allowed, or the address was taken meanwhile.
 */
export async function createAccount(
  accounts: Accounts,
  { email, name, password }: { email: string; name: string; password: string },
): Promise<Person> {
  if (!isAllowed({ name })) throw new Error('The name must have 1 to 200 characters')
  const credential = await hashed(accounts, password)
  const { adapter } = await (await accounts.betterAuth()).$context
  const now = new Date()
  const times = { createdAt: now, updatedAt: now }
  try {
    return await adapter.transaction(async (transaction) => {
      const { id } = await transaction.create<Record<string, unknown>, Person>({
        model: 'user',
        data: { email, name, emailVerified: true, ...times },
      })
      await transaction.create({
        model: 'account',
        data: { userId: id, ...ownCredential(id), password: credential, ...times },
      })
      return { id, email }
    })
  } catch (error) {
    throw error instanceof AppError && error.code === 'conflict' ? taken(email) : error
  }
}

/** Every account, by e-mail. They are read in pages, so there may be many. */
export async function* everyAccount(accounts: Accounts): AsyncGenerator<ListedAccount> {
  let behind = ''
  for (;;) {
    const page = await accounts.pool.run(listAccounts(behind, PAGE))
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return
    behind = last.email
  }
}

/** @param who an e-mail address or an id. @throws {Error} when there is no such account. */
export async function findAccount(accounts: Accounts, who: string): Promise<Person> {
  const { internalAdapter } = await (await accounts.betterAuth()).$context
  const user = who.includes('@')
    ? (await internalAdapter.findUserByEmail(who))?.user
    : await internalAdapter.findUserById(who)
  if (!user) throw new Error(`There is no account ${who}`)
  return user
}

/** Deletes an account at once, and then its remaining tasks. A running server deletes them as well. */
export async function removeAccount(accounts: Accounts, { id }: Person): Promise<void> {
  await accounts.pool.run(deleteAccount(id))
  await accounts.emptyDeleted()
}

/**
 * Sets the password, also where there was none, ends every session, and forgets failed sign-ins.
 *
 * @throws {Error} when the password is not allowed.
 */
export async function resetPassword(
  accounts: Accounts,
  { id, email }: Person,
  password: string,
): Promise<void> {
  const credential = await hashed(accounts, password)
  const { adapter } = await (await accounts.betterAuth()).$context
  const now = new Date()
  const own = ownCredential(id)
  await adapter.transaction(async (transaction) => {
    const changed = await transaction.updateMany({
      model: 'account',
      where: [
        { field: 'userId', value: id },
        ...Object.entries(own).map(([field, value]) => ({ field, value })),
      ],
      update: { password: credential, updatedAt: now },
    })
    if (changed === 0) {
      await transaction.create({
        model: 'account',
        data: { userId: id, ...own, password: credential, createdAt: now, updatedAt: now },
      })
    }
    await transaction.deleteMany({ model: 'session', where: [{ field: 'userId', value: id }] })
  })
  await accounts.limits.forget(passwordKey({ email }))
}

/** How Better Auth names the way in by a password. */
function ownCredential(id: string) {
  return { providerId: 'credential', accountId: id }
}

/** Better Auth counts UTF-16 units where the schema counts characters; a sign-in has to pass both. */
async function hashed(accounts: Accounts, password: string): Promise<string> {
  const { password: rules } = await (await accounts.betterAuth()).$context
  const { minPasswordLength, maxPasswordLength } = rules.config
  if (!isAllowed({ password }) || password.length > maxPasswordLength) {
    throw new Error(
      `The password must have ${minPasswordLength} to ${maxPasswordLength} characters, and no U+0000`,
    )
  }
  return rules.hash(password)
}

function taken(email: string): Error {
  return new Error(`An account with the address ${email} already exists`)
}

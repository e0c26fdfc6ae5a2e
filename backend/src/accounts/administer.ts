import type { ValidateFunction } from 'ajv'
import { AppError } from '../core/errors.ts'
import { deleteAccount, endSessions } from '../models/accounts/account.ts'
import { SignUp } from '../schemas/accounts/account.ts'
import type { Accounts } from './accounts.ts'
import { passwordKey } from './limits.ts'

/** The id and the address of an account, as the operator sees them. */
export interface Person {
  readonly id: string
  readonly email: string
}

/** No account has the address or the id. */
export class NoAccountError extends Error {
  override name = 'NoAccountError'
}

let validator: Promise<ValidateFunction> | undefined

/** @returns a function that validates members of a sign-up one at a time. Most commands do not need it. */
function loadValidator(): Promise<ValidateFunction> {
  validator ??= import('ajv').then(({ Ajv }) =>
    new Ajv({ strict: false }).compile({ ...SignUp, required: [] }),
  )
  return validator
}

/**
 * @returns the address in lower case, as the database stores it.
 * @throws {Error} if Better Auth does not accept the address, or an account already has it.
 */
export async function newAddress(accounts: Accounts, given: string): Promise<string> {
  const email = given.toLowerCase()
  const { api, $context } = await accounts.betterAuth()
  const isAllowed = await loadValidator()
  // Better Auth's rule is stricter than the schema's, and Better Auth exports it only here.
  const { success } = api.requestPasswordReset.options.body.safeParse({ email })
  if (!success || !isAllowed({ email })) throw new Error(`${given} is not an e-mail address`)
  const { internalAdapter } = await $context
  if (await internalAdapter.findUserByEmail(email)) throw taken(email)
  return email
}

/**
 * Creates an account with a verified address. It works even if the operator has disabled sign-up.
 *
 * @param email the result of {@link newAddress}.
 * @throws {Error} if the name or the password is not allowed, or another account now has the address.
 */
export async function createAccount(
  accounts: Accounts,
  { email, name, password }: { email: string; name: string; password: string },
): Promise<Person> {
  const isAllowed = await loadValidator()
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

/** @param emailOrId of the account. @throws {NoAccountError} */
export async function findAccount(accounts: Accounts, emailOrId: string): Promise<Person> {
  const { internalAdapter } = await (await accounts.betterAuth()).$context
  const user = emailOrId.includes('@')
    ? (await internalAdapter.findUserByEmail(emailOrId))?.user
    : await internalAdapter.findUserById(emailOrId)
  if (!user) throw new NoAccountError(`There is no account ${emailOrId}`)
  return user
}

/** Deletes an account at once, and then its remaining tasks. A running server may help to delete them. */
export async function removeAccount(accounts: Accounts, { id }: Person): Promise<void> {
  await accounts.pool.run(deleteAccount(id))
  await accounts.emptyDeleted()
}

/**
 * Ends the access that an account has at this moment: every session, and its tokens for tasks. `disable`,
 * `reset-password` and `sessions --end` of `npm run user` call this function. A deletion relies on the trigger
 * revoke_earlier_tokens (0009_revocations.sql).
 *
 * @returns how many sessions it ended.
 */
export function endAccess(accounts: Accounts, { id }: Pick<Person, 'id'>): Promise<number> {
  return accounts.pool.run(endSessions(id, null))
}

/**
 * Sets the password, ends every session and resets the count of failed sign-ins. It also gives a
 * password to an account that has none.
 *
 * @throws {Error} if the password is not allowed.
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
  })
  // Afterwards, so that no sign-in with the old password comes between.
  await endAccess(accounts, { id })
  await accounts.limits.forget(passwordKey({ email }))
}

/** Better Auth's key of the row that holds a user's password. */
function ownCredential(id: string) {
  return { providerId: 'credential', accountId: id }
}

/** Better Auth counts UTF-16 code units, the schema characters. A password must pass both rules. */
async function hashed(accounts: Accounts, password: string): Promise<string> {
  const { password: rules } = await (await accounts.betterAuth()).$context
  const { minPasswordLength, maxPasswordLength } = rules.config
  const isAllowed = await loadValidator()
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

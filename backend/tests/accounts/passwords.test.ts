import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hashPassword, verifyPassword } from 'better-auth/crypto'
import { scryptPasswords } from '../../src/accounts/passwords.ts'

/** At the server's own cost, which is that of Better Auth. */
const { hash, verify } = scryptPasswords()
const PASSWORDS = ['correct horse battery', 'ﬁ ligature and é', '🐎'.repeat(8), ' '.repeat(8)]

describe('a password', () => {
  it('hashed here is known to Better Auth, and one hashed there is known here', async () => {
    for (const password of PASSWORDS) {
      const [ours, theirs] = await Promise.all([hash(password), hashPassword(password)])
      assert.ok(await verifyPassword({ hash: ours, password }), password)
      assert.ok(await verify({ hash: theirs, password }), password)
      assert.ok(!(await verify({ hash: theirs, password: `${password}x` })), password)
      assert.notEqual(ours, await hash(password))
    }
  })

  it('is not any password where the hash is none', async () => {
    for (const broken of [
      '',
      ':',
      'salt',
      'salt:',
      `salt:${'0'.repeat(127)}`,
      `salt:${'é'.repeat(128)}`,
    ]) {
      assert.ok(!(await verify({ hash: broken, password: 'correct horse battery' })), broken)
    }
  })
})

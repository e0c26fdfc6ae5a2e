import type { Record } from './record.ts'
import type { Session } from './session.ts'

/** BETTER_AUTH_URL of the server, so that its own pages may sign up. */
export const ORIGIN = 'https://localhost'

/** Creates an account from a client address that was not used before. */
export async function signUp(session: Session, prefix: string, record: Record): Promise<void> {
  const number = record.signUps.length
  const email = `${prefix}.${number}@example.com`
  const made = { email, acknowledged: false }
  record.signUps.push(made)
  const { troubled } = record
  const outcome = await session.sendAsNobody({
    ...{ method: 'POST', path: '/api/auth/sign-up/email' },
    headers: {
      origin: ORIGIN,
      'x-forwarded-for': `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`,
    },
    body: { name: 'New', email, password: 'correct horse battery' },
  })
  made.acknowledged = record.note('sign-up', email, outcome, troubled) !== undefined
  if (made.acknowledged) record.counts.acknowledgedWrites += 1
}

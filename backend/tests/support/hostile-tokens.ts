import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { startApp, type TestApp } from './app.ts'
import { startKeyServer } from './key-server.ts'
import { assertProblem } from './problem.ts'
import { type RawRequest, sendRaw, WORK_LIMIT_MS } from './raw-request.ts'
import { claims, encode, now, TOKEN_CHALLENGE } from './tokens.ts'

export const ISSUER = 'https://issuer.example'
export const AUDIENCE = 'todo'
export const CHALLENGE = 'Bearer realm="todo"'

/** As good as it can be for both servers: what is wrong with it is the case's own. */
export const good = (more: object = {}) => claims({ iss: ISSUER, aud: AUDIENCE, ...more })
export const bearer = (token: string) => [`Authorization: Bearer ${token}`]

export const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
export const p256 = ec('P-256')
export const STRANGERS: Record<string, { privateKey: KeyObject; publicKey: KeyObject }> = {
  ...{ RS256: rsa, RS384: rsa, RS512: rsa, PS256: rsa, PS384: rsa, PS512: rsa },
  ...{ ES256: p256, ES384: ec('P-384'), ES512: ec('P-521'), ES256K: ec('secp256k1') },
  ...{ EdDSA: generateKeyPairSync('ed25519'), Ed25519: generateKeyPairSync('ed25519') },
}

/** Signed by the key of a stranger, in the way of the algorithm. */
export function stranger(alg: string, header: object = {}, payload: object = good()): string {
  const input = `${encode({ alg, typ: 'JWT', ...header })}.${encode(payload)}`
  const key = STRANGERS[alg]?.privateKey
  assert.ok(key)
  const hash = alg.startsWith('Ed') ? null : `sha${/\d{3}/.exec(alg)?.[0]}`
  const pss = alg.startsWith('PS') ? { padding: 6, saltLength: Number(alg.slice(2)) / 8 } : {}
  const options = { key, dsaEncoding: 'ieee-p1363' as const, ...pss }
  return `${input}.${sign(hash, Buffer.from(input), options).toString('base64url')}`
}

/** What the tests sent as a token, to look for it in the log. */
export const sent = new Set<string>()
export const pieces = (text: string) => text.split(/[^\w-]+/).filter((piece) => piece.length > 20)

/** Whether the request has a bearer token, or more than one Authorization header. */
function sendsBearer({ headers = [] }: Partial<RawRequest>): boolean {
  const values = headers.flatMap((line) => /^authorization: ?(.*)$/i.exec(line)?.[1] ?? [])
  return values.length > 1 || /^bearer(\s|$)/i.test(values[0] ?? '')
}

export async function assertRefused(
  { port }: TestApp,
  what: string,
  request: Partial<RawRequest>,
  challenge?: string,
): Promise<void> {
  const answer = await sendRaw(port, { target: '/api/alice/tasks', ...request })
  assert.ok(answer.workMs < WORK_LIMIT_MS, `${what} took too long`)
  assertProblem(answer, 'unauthorized', what)
  const got = String(answer.headers['www-authenticate'])
  if (challenge === undefined && sendsBearer(request)) assert.match(got, TOKEN_CHALLENGE, what)
  else assert.equal(got, challenge ?? CHALLENGE, what)
  for (const piece of pieces([request.target, ...(request.headers ?? []), request.body].join())) {
    sent.add(piece)
    assert.ok(!answer.bytes.includes(piece), `${what} is echoed`)
  }
}

export async function assertTaken({ port }: TestApp, what: string, token: string, user = 'alice') {
  const target = `/api/${encodeURIComponent(user)}/tasks`
  const answer = await sendRaw(port, { target, headers: bearer(token) })
  assert.deepEqual([answer.status, answer.text], [200, '[]'], what)
}

/** A payload of raw JSON texts. */
export const payload = (members: Record<string, string>) =>
  `{${Object.entries(members).map(([name, value]) => `"${name}":${value}`)}}`
export const members = (more: Record<string, string>) => ({
  ...{ sub: '"alice"', exp: String(now() + 3_600), iss: `"${ISSUER}"`, aud: `"${AUDIENCE}"` },
  ...more,
})

export type TokenServers = Awaited<ReturnType<typeof startTokenServers>>

/** A server with a secret alone, and one with the key set of another issuer. */
export async function startTokenServers() {
  const keys = await startKeyServer()
  const secretAlone = await startApp('postgres')
  const withKeys = await startApp('postgres', {
    BETTER_AUTH_JWKS_URL: keys.url,
    JWT_ISSUER: ISSUER,
    JWT_AUDIENCE: AUDIENCE,
  })
  const servers = [secretAlone, withKeys]
  // A key set that was never asked for would refuse nothing.
  await assertTaken(withKeys, 'a token of the key set', await keys.sign(good()))
  return {
    ...{ keys, secretAlone, withKeys, servers },
    /** No token that was sent is in a log. */
    assertNotLogged: () => {
      for (const { log } of servers) {
        const text = log.join('')
        assert.ok(text.includes('"status":401'))
        for (const piece of sent) assert.ok(!text.includes(piece), piece)
      }
    },
    close: async () => {
      await Promise.all([...servers.map((server) => server.close()), keys.close()])
    },
  }
}

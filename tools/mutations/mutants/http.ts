import { type Mutant, mutants } from './mutant.ts'

/** Mutants of the requests: tokens, owners and cursors. */
export const HTTP_MUTANTS: readonly Mutant[] = [
  ...mutants(
    'the token',
    'http/identity/verify-token.ts',
    ['api/authenticate.test.ts', 'who is asking'],
    [
      [
        'the signature is not verified',
        [
          [
            'if (!(error instanceof JWSSignatureVerificationFailed)) throw error',
            `if (!(error instanceof JWSSignatureVerificationFailed)) throw error
        const body = Buffer.from(token.split('.')[1] ?? '', 'base64url')
        return { payload: JSON.parse(body.toString()), goodForMs: 0 }`,
          ],
        ],
        '401 for another secret',
      ],
      [
        'exp is not looked at',
        [['clockTolerance: config.clockToleranceSeconds', 'clockTolerance: 1e9']],
        '401 for exp 61 s ago',
      ],
      [
        'a token needs no exp',
        [
          [`requiredClaims: ['exp'],`, ''],
          [`if (!Number.isSafeInteger(exp)) throw invalidClaim(payload, 'exp')`, ''],
        ],
        '401 for no exp',
      ],
      [
        'the token picks its algorithm',
        [
          ['if (alg !== SECRET_ALGORITHM) {', `if (!alg?.startsWith('HS')) {`],
          ['algorithms: [SECRET_ALGORITHM],', ''],
        ],
        '401 for HS384',
      ],
      [
        'a remembered token is known without its signature',
        [
          ['remembered.get(token)', `remembered.get(token.split('.')[1] ?? '')`],
          ['remembered.set(token,', `remembered.set(token.split('.')[1] ?? '',`],
        ],
        '401 for what is like a remembered token',
      ],
      [
        'a remembered token is known by its signature alone',
        [
          ['remembered.get(token)', `remembered.get(token.split('.')[2] ?? '')`],
          ['remembered.set(token,', `remembered.set(token.split('.')[2] ?? '',`],
        ],
        '401 for what is like a remembered token',
      ],
      [
        'a remembered token outlives its exp',
        [['known !== undefined && Date.now() < known.expiresMs', 'known !== undefined']],
        '401 from the second on',
      ],
      [
        'sub and another user_id pass',
        [['if (differ || typeof', 'if (typeof']],
        '401 for sub and another user_id',
      ],
      [
        'the user may be the email',
        [
          [
            'const userId = sub === undefined ? alternative : sub',
            'const userId = (sub === undefined ? alternative : sub) ?? arguments[0].email',
          ],
        ],
        '401 for email alone',
      ],
    ],
  ),
  ...mutants(
    'the token',
    'http/identity/verify-token.ts',
    ['api/authenticate.test.ts', 'where the issuer and audience are pinned'],
    [
      ['any issuer passes', [['{ issuer: jwtIssuer }', '{}']], '401 for another issuer'],
      ['any audience passes', [['{ audience: jwtAudience }', '{}']], '401 for another audience'],
    ],
  ),
  ...mutants(
    'the token',
    'http/identity/verify-token.ts',
    ['api/elsewhere.test.ts', 'tokens of a key set'],
    [
      [
        'a key of the key set serves any algorithm',
        [['algorithms: KEY_SET_ALGORITHMS,', '']],
        '401 for an algorithm',
      ],
      [
        'a token of a key that was taken back is remembered until its exp',
        [
          [
            'Math.min(readTimes(payload) * 1000, Date.now() + goodForMs)',
            'readTimes(payload) * 1000',
          ],
        ],
        '401 after 10 minutes',
      ],
    ],
  ),
  ...mutants(
    'the token',
    'http/identity/authenticate.ts',
    ['api/authenticate.test.ts', 'who is asking'],
    [
      [
        'of two Authorization headers one counts',
        [[`countHeader(request, 'authorization') > 1`, 'false']],
        '401 for two Authorization headers',
      ],
    ],
  ),
  ...mutants(
    'the owner',
    'http/identity/authenticate.ts',
    ['api/isolation.test.ts', 'isolation on postgres'],
    [
      [
        'a request without a token passes',
        [
          [
            'const user = verify(readToken(request))',
            `const { user_id } = request.params as { user_id: string }
    if (request.headers.authorization === undefined) return setUser(user_id)
    const user = verify(readToken(request))`,
          ],
        ],
        '401 for GET',
      ],
    ],
  ),
  ...mutants(
    'the owner',
    'http/resource/user-scope.ts',
    ['api/isolation.test.ts', 'isolation on postgres'],
    [
      [
        'any user’s token passes',
        [[`user_id === userId ? undefined : new AppError('user_id_mismatch')`, '']],
        '403 for GET',
      ],
      [
        'upper and lower case are one user',
        [['user_id === userId', 'user_id?.toLowerCase() === userId.toLowerCase()']],
        '403 for GET',
      ],
      [
        'a user whose id begins alike passes',
        [['user_id === userId', 'user_id?.startsWith(userId)']],
        '403 for GET',
      ],
    ],
  ),
  ...mutants(
    'the token',
    'http/identity/revocations.ts',
    ['api/revocations.test.ts', 'revoked tokens on pglite'],
    [
      [
        'a token without iat passes',
        [['iat : Number.NaN', 'iat : Number.POSITIVE_INFINITY']],
        '401 for a token without iat',
      ],
    ],
  ),
  ...mutants(
    'the token',
    'http/identity/verify-token.ts',
    ['api/revocations.test.ts', 'revoked tokens on pglite'],
    [
      [
        'a revoked token passes',
        [['if (revocations.refuses(userId, issuedAt)) throw revokedToken()', '']],
        '401 on both servers after the end of all sessions',
      ],
    ],
  ),
  ...mutants(
    'cursors and ETags',
    'http/resource/conditions.ts',
    ['api/isolation.test.ts', 'isolation on postgres'],
    [
      [
        'any ETag matches',
        [['tagsIn(header).includes(version)', 'tagsIn(header).length > 0']],
        'the ETag of another',
      ],
    ],
  ),
  ...mutants(
    'cursors and ETags',
    'http/resource/pages.ts',
    ['api/list.test.ts', 'the list on postgres'],
    [
      [
        'a cursor carries the user it was made for',
        [
          [
            'const { request } = reply',
            `const { request } = reply
  const owners = (globalThis.owners ??= new Map())
  request.userId = owners.get(cursor) ?? request.userId`,
          ],
          [
            'if (page.next !== null) reply.headers(nextPage(request, resource, cursors.bytesOf(page.next)))',
            `if (page.next !== null) {
    const next = nextPage(request, resource, cursors.bytesOf(page.next))
    owners.set(next['next-cursor'], request.userId)
    reply.headers(next)
  }`,
          ],
        ],
        'a cursor of another user',
      ],
    ],
  ),
  ...mutants(
    'the streams',
    'http/identity/token-times.ts',
    ['api/changes-stream.test.ts', 'streams of changes on postgres'],
    [
      [
        'a token that has expired opens a stream',
        [['if (expiresMs <= Date.now()) throw', 'if (expiresMs < 0) throw']],
        '401, 403, 410 and 422',
      ],
    ],
  ),
]

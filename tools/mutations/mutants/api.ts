import { type Mutant, mutants } from './mutant.ts'

/** Mutants of the routes. */
export const API_MUTANTS: readonly Mutant[] = [
  ...mutants(
    'cursors and ETags',
    'api/tasks/routes.ts',
    ['api/isolation.test.ts', 'isolation on postgres'],
    [
      [
        'a task is remembered by its id, whoever asks',
        [
          [
            'const task = found(await request.asUser(findTask(request.params.id)))',
            `const seen = (globalThis.seen ??= new Map())
    const task = seen.get(request.params.id) ?? found(await request.asUser(findTask(request.params.id)))
    seen.set(request.params.id, task)`,
          ],
        ],
        'the ETag of another',
      ],
      [
        'an ETag is answered before its task is looked for',
        [
          [
            'const task = found(await request.asUser(findTask',
            `if (request.headers['if-none-match'] !== undefined) return reply.code(304).send()
    const task = found(await request.asUser(findTask`,
          ],
        ],
        'the ETag of another',
      ],
    ],
  ),
  ...mutants(
    'the streams',
    'api/changes/streams.ts',
    ['api/changes-stream.test.ts', 'streams of changes on postgres'],
    [
      [
        'a stream reads as any user',
        [
          [
            'await this.#options.database.asUser(reader.userId, statement)',
            'await this.#options.database.asUser([...this.#readers.keys()].at(-1) ?? "", statement)',
          ],
        ],
        'another user’s change never arrives',
      ],
      [
        'a stream does not end with its token',
        [['Date.now() >= expiresMs || ', '']],
        'ends when its token expires',
      ],
      [
        'a stream does not end with the account',
        [[' || revocations.refuses(reader.userId, issuedAt)', '']],
        'ends when the account is deleted',
      ],
      [
        'a user has any number of streams',
        [['>= limits.streamsOfOneUser', '> limits.streamsOfOneUser']],
        '429 with Retry-After at the 21st',
      ],
    ],
  ),
  ...mutants(
    'the lists',
    'api/tasks/list.ts',
    ['api/lists.test.ts', 'lists on postgres'],
    [
      [
        'a cursor of another order or filter is accepted',
        [['!bytes.subarray(0, HASH_BYTES).equals(hash)', 'false']],
        '422 for a cursor of another order',
      ],
    ],
  ),
]

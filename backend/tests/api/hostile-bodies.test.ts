import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { withAsUser } from '../../src/database/session.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { anyCharacter } from '../support/characters.ts'
import { KINDS } from '../support/databases.ts'
import {
  ARRAYS,
  assertFaults,
  BODY_LIMIT,
  bodyWith,
  CHUNKED,
  CODES,
  chunked,
  FAMILY,
  type Faults,
  faultOf,
  JSON_TYPE,
  LENGTH,
  NOT_WHITE,
  OBJECTS,
  OPERATIONS,
  type Operation,
  PATCH,
  POST,
  PUT,
  padded,
  READABLE,
  sendingTo,
  UNICODE,
  UNKNOWN,
  UNREADABLE,
  VALUES,
  WHITE,
  WRITES,
} from '../support/hostile-bodies.ts'
import { assertProblem } from '../support/problem.ts'
import { sendRaw } from '../support/raw-request.ts'

for (const kind of KINDS) {
  describe(`bodies of hostile clients on ${kind}`, () => {
    let test: TestApp
    let token: string
    let id: string
    let statements = 0
    const prototype = Object.getOwnPropertyNames(Object.prototype).sort()
    before(async () => {
      test = await startApp(kind, {}, (database) =>
        withAsUser(database, (userId, asked) => {
          statements += 1
          return database.asUser(userId, asked)
        }),
      )
      token = await test.token('alice')
      id = (await test.send('POST', '/api/alice/tasks', { body: { title: 'Kept' } })).json.id
    })
    after(() => test.close())

    const { send, assertTaken } = sendingTo(() => ({ port: test.port, token, id }))

    const state = () =>
      test.admin('select title, description, completed, updated_at, id from todo.tasks order by id')
    /** Nothing that is refused leaves a trace. */
    async function unchangedBy(refused: () => Promise<void>, reads = false): Promise<void> {
      const before = await state()
      assert.ok(before.length > 0)
      const earlier = statements
      await refused()
      assert.ok(reads || statements === earlier)
      assert.deepEqual(await state(), before)
      assert.deepEqual(Object.getOwnPropertyNames(Object.prototype).sort(), prototype)
      assert.equal(({} as { polluted?: unknown }).polluted, undefined)
    }

    it('each JSON type in each member: taken where it is the member’s, else 422 that names it', async () => {
      for (const operation of OPERATIONS) {
        for (const member of operation.members) {
          for (const value of VALUES) {
            const what = `${operation.method} ${member} ${value.slice(0, 40)}`
            const answer = await send(operation, bodyWith(operation, member, value))
            const read = JSON.parse(value)
            const fault = faultOf(member, read)
            if (fault !== undefined) assertFaults(answer, [[`/${member}`, fault]], what)
            else
              await assertTaken(answer, { [member]: member === 'title' ? read.trim() : read }, what)
          }
        }
      }
    })

    // No statement is sent for any of them, so that one kind of database shows it.
    if (kind === 'postgres') {
      it('422 for each JSON type in place of the object, and in a member that is not known', () =>
        unchangedBy(async () => {
          for (const operation of OPERATIONS) {
            for (const value of VALUES) {
              const what = `${operation.method} ${value.slice(0, 40)}`
              const member = await send(operation, `{${operation.beside},"colour":${value}}`)
              assertFaults(member, [['/colour', UNKNOWN]], what)
              if (value.startsWith('{')) continue
              assertFaults(await send(operation, value), [['', 'must be a JSON object']], what)
            }
          }
        }))

      it('422 for members that every object inherits, and nothing is polluted', () =>
        unchangedBy(async () => {
          const values = [
            '1',
            'null',
            '{"polluted":1}',
            '{"prototype":{"polluted":1}}',
            '["polluted"]',
          ]
          for (const operation of OPERATIONS) {
            for (const name of ['prototype', ...prototype]) {
              for (const value of values) {
                const answer = await send(operation, `{${operation.beside},"${name}":${value}}`)
                assertFaults(
                  answer,
                  [[`/${name}`, UNKNOWN]],
                  `${operation.method} ${name} ${value}`,
                )
              }
            }
            const escaped = `{${operation.beside},"\\u005f_proto_\\u005f":{"polluted":1}}`
            assertFaults(await send(operation, escaped), [['/__proto__', UNKNOWN]], 'escaped')
            const [member = 'title'] = operation.members
            const inherited = `{"__proto__":{${operation.beside}}}`
            const missing: Faults = operation === POST ? [['/title', 'is required']] : []
            assertFaults(
              await send(operation, inherited),
              [['/__proto__', UNKNOWN], ...missing],
              'inherited',
            )
            const within = `{"${member}":{"__proto__":{"polluted":1}}}`
            assertFaults(
              await send(operation, within),
              [[`/${member}`, String(faultOf(member, {}))]],
              'within',
            )
          }
        }))

      it('422 for 5000 levels, wherever they are', () =>
        unchangedBy(async () => {
          for (const operation of OPERATIONS) {
            for (const deep of [ARRAYS, OBJECTS, '['.repeat(32_000) + ']'.repeat(32_000)]) {
              for (const member of operation.members) {
                const answer = await send(operation, bodyWith(operation, member, deep))
                assertFaults(
                  answer,
                  [[`/${member}`, String(faultOf(member, []))]],
                  `${operation.method} ${member}`,
                )
              }
              const unknown = await send(operation, `{${operation.beside},"x":${deep}}`)
              assertFaults(unknown, [['/x', UNKNOWN]], operation.method)
              if (deep.startsWith('[')) {
                assertFaults(
                  await send(operation, deep),
                  [['', 'must be a JSON object']],
                  operation.method,
                )
              }
            }
          }
        }))

      it('422 with the first 20 of thousands of members and the number of the others, in bounded time', () =>
        unchangedBy(async () => {
          const names = Array.from({ length: 6_000 }, (_, n) => `m${n}`)
          const members = names.map((name) => `"${name}":1`).join()
          const long = 'n'.repeat(60_000)
          for (const operation of OPERATIONS) {
            const many = await send(operation, `{${operation.beside},${members}}`)
            assertFaults(
              many,
              names.slice(0, 20).map((name) => [`/${name}`, UNKNOWN]),
              operation.method,
            )
            assert.equal(many.json.more, names.length - 20, operation.method)
            const one = await send(operation, `{${operation.beside},"${long}":1}`)
            assertFaults(one, [[`/${long.slice(0, 124)}…`, UNKNOWN]], operation.method)
            const odd = await send(operation, `{${operation.beside},"\\ud800\\u0000~/":1}`)
            assertFaults(odd, [['/\ud800\0~0~1', UNKNOWN]], operation.method)
          }
        }))

      it('422 for U+0000 and for lone surrogates, in every member that is text', () =>
        unchangedBy(async () => {
          for (const operation of WRITES) {
            for (const member of ['title', 'description'] as const) {
              for (const text of [
                '\\u0000',
                'a\\u0000',
                '\\ud800',
                '\\udfff',
                'a\\ud834',
                '\\udd1e\\ud834',
                '\\ud834x\\udd1e',
              ]) {
                const answer = await send(operation, bodyWith(operation, member, `"${text}"`))
                assertFaults(
                  answer,
                  [[`/${member}`, UNICODE]],
                  `${operation.method} ${member} ${text}`,
                )
              }
            }
          }
        }))

      it('400, 413 and 415 for what cannot be read, whatever it is to change', () =>
        unchangedBy(async () => {
          for (const [what, status, body, ...headers] of UNREADABLE) {
            for (const operation of OPERATIONS) {
              const answer = await send(operation, body, headers)
              assertProblem(answer, CODES[status], `${operation.method}: ${what}`)
            }
          }
        }))
    }

    it('of a member that comes twice the last counts', async () => {
      for (const operation of WRITES) {
        for (const [body, sent] of [
          ['{"title":"a","title":"b"}', { title: 'b' }],
          ['{"title":1,"title":"b"}', { title: 'b' }],
          ['{"title":"a","\\u0074itle":"b"}', { title: 'b' }],
          ['{"title":"a","completed":"x","completed":true}', { title: 'a', completed: true }],
          ['{"title":"a","description":"x","description":null}', { description: null }],
        ] as const) {
          await assertTaken(await send(operation, body), sent, body)
        }
        await unchangedBy(async () => {
          const last = await send(operation, '{"title":"a","title":1}')
          assertFaults(last, [['/title', 'must be a string']], operation.method)
          const blank = await send(operation, '{"title":"a","\\u0074itle":" "}')
          assertFaults(blank, [['/title', LENGTH]], operation.method)
        })
      }
    })

    it('500 characters of any kind are a title, 501 are none, and white space around is not counted', async () => {
      const titles: [string, boolean][] = [
        ['𝄞'.repeat(500), true],
        ['𝄞'.repeat(501), false],
        [`${'𝄞'.repeat(499)}xx`, false],
        ['e\u0301'.repeat(250), true],
        [`${'e\u0301'.repeat(250)}x`, false],
        ['\u0301'.repeat(500), true],
        [`${FAMILY.repeat(71)}xxx`, true],
        [`${FAMILY.repeat(71)}xxxx`, false],
        [`${WHITE}${'\u{10ffff}'.repeat(500)}${WHITE}`, true],
        [`x${' '.repeat(498)}x`, true],
        [`x${' '.repeat(499)}x`, false],
        [' '.repeat(60_000), false],
        [`${' '.repeat(30_000)}x${' '.repeat(30_000)}`, true],
        [`${' '.repeat(30_000)}x${' '.repeat(499)}x`, false],
        [`x${'\u200b'.repeat(499)}`, true],
      ]
      for (const operation of WRITES) {
        for (const [text, taken] of titles) {
          const what = `${operation.method} ${[...text].length} of ${text.slice(0, 8)}`
          const answer = await send(operation, JSON.stringify({ title: text }))
          if (taken) await assertTaken(answer, { title: text.trim() }, what)
          else assertFaults(answer, [['/title', LENGTH]], what)
        }
        const escaped = (count: number) => `{"title":"${'\\u0041'.repeat(count)}"}`
        await assertTaken(
          await send(operation, escaped(500)),
          { title: 'A'.repeat(500) },
          'escapes',
        )
        for (const count of [501, 10_900]) {
          assertFaults(await send(operation, escaped(count)), [['/title', LENGTH]], 'escapes')
        }
        const notes = '𝄞'.repeat(5_400)
        const surrogates = `{"title":"x","description":"${'\\ud834\\udd1e'.repeat(5_400)}"}`
        await assertTaken(await send(operation, surrogates), { description: notes }, 'surrogates')
      }
    })

    it('every kind of white space is taken from around a title, and nothing else is', async () => {
      for (const white of WHITE) {
        const what = `U+${white.codePointAt(0)?.toString(16)}`
        for (const operation of WRITES) {
          const alone = await send(operation, JSON.stringify({ title: white.repeat(3) }))
          assertFaults(alone, [['/title', LENGTH]], what)
          const around = await send(
            operation,
            JSON.stringify({ title: `${white}a${white}b${white}` }),
          )
          await assertTaken(around, { title: `a${white}b` }, what)
        }
      }
      const all = await send(POST, JSON.stringify({ title: WHITE }))
      assertFaults(all, [['/title', LENGTH]], 'all of them')
      for (const sign of NOT_WHITE) {
        const what = `U+${sign.codePointAt(0)?.toString(16)}`
        for (const operation of WRITES) {
          await assertTaken(
            await send(operation, JSON.stringify({ title: sign })),
            { title: sign },
            what,
          )
        }
      }
    })

    it('every character comes back as it was sent, raw and escaped', async () => {
      const basic = Array.from({ length: 0xffff }, (_, n) => String.fromCharCode(n + 1))
      const planes = Array.from({ length: 13_107 }, (_, n) =>
        String.fromCodePoint(0x10000 + n * 80),
      )
      const characters = [...basic.filter((one) => one.isWellFormed()), ...planes]
      for (let at = 0; at < characters.length; at += 13_000) {
        const description = characters.slice(at, at + 13_000).join('')
        for (const operation of WRITES) {
          const answer = await send(operation, JSON.stringify({ title: 'x', description }))
          await assertTaken(answer, { description }, `from ${at}`)
        }
      }
      const escapes = characters.slice(0, 9_000)
      const escaped = escapes.map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
      for (const operation of WRITES) {
        const answer = await send(operation, `{"title":"x","description":"${escaped.join('')}"}`)
        await assertTaken(answer, { description: escapes.join('') }, 'escaped')
      }
    })

    it('one body is the same however it is framed', async () => {
      for (const [what, body, ...headers] of READABLE) {
        for (const operation of WRITES) {
          const answer = await send(operation, body, headers)
          await assertTaken(answer, { title: 'x' }, `${operation.method}: ${what}`)
          assert.deepEqual(answer.interim, /100-continue/i.test(headers.join()) ? [100] : [], what)
        }
      }
      const unsigned = ['Expect: 100-continue', JSON_TYPE]
      const request = { method: 'POST', target: '/api/alice/tasks', headers: unsigned, body: '{' }
      assertProblem(await sendRaw(test.port, request), 'unauthorized')
    })

    it('no body is none, with a JSON type or without, with a length of 0, or no chunk', async () => {
      const none: [string | undefined, ...string[]][] = [
        [undefined],
        [undefined, JSON_TYPE],
        ['', 'Content-Length: 0'],
        ['', 'Content-Length: 0', JSON_TYPE],
        ['0\r\n\r\n', CHUNKED, JSON_TYPE],
      ]
      for (const operation of OPERATIONS) {
        for (const [body, ...headers] of none) {
          const what = `${operation.method} ${headers.join()}`
          const answer = await send(operation, body, headers)
          if (operation === PATCH) await assertTaken(answer, {}, what)
          else assertFaults(answer, [['', 'must be a JSON object']], what)
        }
        const typed = await send(operation, '', ['Content-Type: text/plain', 'Content-Length: 0'])
        assertProblem(typed, 'unsupported_media_type', operation.method)
      }
    })

    it('a body of GET and HEAD is left aside; one of DELETE is read, and asks for nothing', async () => {
      const bodies: [string | Buffer, ...string[]][] = [
        ['{"title":"taken"}', JSON_TYPE],
        ['{', JSON_TYPE],
        ['x', 'Content-Type: text/plain'],
        ['x'.repeat(70_000), JSON_TYPE],
        [chunked('{"title":"taken"}', 3), JSON_TYPE, CHUNKED],
      ]
      await unchangedBy(async () => {
        const plain = await send({ method: 'GET', at: '/:id' }, undefined, [])
        for (const [body, ...headers] of bodies) {
          for (const method of ['GET', 'HEAD']) {
            for (const at of ['/:id', '?limit=1']) {
              const answer = await send({ method, at }, body, headers)
              assert.equal(answer.status, 200, `${method} ${at}`)
              if (at === '/:id') assert.equal(answer.text, method === 'GET' ? plain.text : '')
            }
          }
          assert.equal((await send({ method: 'OPTIONS', at: '/:id' }, body, headers)).status, 204)
        }
        for (const [body, status, ...headers] of [
          ['{', 400, JSON_TYPE],
          ['x', 415, 'Content-Type: text/plain'],
          [padded(BODY_LIMIT + 1), 413, JSON_TYPE],
        ] as const) {
          const answer = await send({ method: 'DELETE', at: '/:id' }, body, headers)
          assertProblem(answer, CODES[status], 'DELETE')
        }
      }, true)
      for (const [body, ...headers] of [['{"title":"x"}', JSON_TYPE], ['null', JSON_TYPE], ['']]) {
        const made = await send(POST, '{"title":"to go"}')
        const gone = await send({ method: 'DELETE', at: `/${made.json.id}` }, body, headers)
        assert.equal(gone.status, 204)
      }
    })

    it('any JSON is taken exactly where it keeps to the rules', async () => {
      const text = fc.string({ unit: anyCharacter, maxLength: 12 })
      const anything = fc.oneof(
        text,
        fc.boolean(),
        fc.constant(null),
        fc.jsonValue({ maxDepth: 2 }),
      )
      const members = fc.record(
        {
          title: fc.oneof(text, anything),
          description: anything,
          completed: anything,
          x: anything,
        },
        { requiredKeys: [] },
      )
      const near = fc.record(
        { title: text, description: fc.option(text), completed: fc.boolean() },
        { requiredKeys: [] },
      )
      const body = fc.oneof(near, near, members, anything)
      const clean = (value: unknown) =>
        typeof value !== 'string' || (value.isWellFormed() && !value.includes('\0'))
      const valid = (operation: Operation, value: unknown): boolean => {
        if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
        const entries = Object.entries(value)
        if (operation === POST && !('title' in value)) return false
        if (operation === PUT && entries.length === 0) return false
        return entries.every(([name, one]) => {
          const member = operation.members.find((known) => known === name)
          return member !== undefined && faultOf(member, one) === undefined && clean(one)
        })
      }
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...OPERATIONS), body, async (operation, value) => {
          const sent = JSON.parse(JSON.stringify(value))
          const answer = await send(operation, JSON.stringify(value))
          if (!valid(operation, sent)) return assertProblem(answer, 'validation_error')
          const trimmed = { ...sent, ...('title' in sent && { title: sent.title.trim() }) }
          await assertTaken(answer, trimmed, operation.method)
        }),
        { numRuns: 100 },
      )
    })
  })
}

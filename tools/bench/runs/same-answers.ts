import { deepStrictEqual } from 'node:assert'
import type { Request } from '../data/work.ts'
import type { Contestant } from '../servers/contestants.ts'

const INSTANTS = new Set(['created_at', 'updated_at'])

/** @throws when two servers answer differently: a comparison of different work says nothing. */
export async function proveSameAnswers(
  contestants: readonly Contestant[],
  reads: readonly Request[],
): Promise<void> {
  for (const request of reads) {
    const answers = await Promise.all(contestants.map(({ server }) => ask(server.url, request)))
    for (const [at, answer] of answers.entries()) {
      deepStrictEqual(answer, answers[0], `${contestants[at]?.name} answers differently`)
    }
  }
}

async function ask(url: string, { path, token }: Request): Promise<unknown> {
  const response = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
  const text = await response.text()
  if (!text.includes('"title"')) throw new Error(`${url}${path}: ${response.status} ${text}`)
  // An instant has many spellings; all of them mean the same to a client.
  return JSON.parse(text, (name, value) =>
    INSTANTS.has(name)
      ? new Date(`${value}`.replace(/(?<!Z|[+-]\d\d:\d\d)$/, 'Z')).getTime()
      : value,
  )
}

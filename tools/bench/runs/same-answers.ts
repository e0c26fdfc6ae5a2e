import { deepStrictEqual } from 'node:assert'
import type { Request } from '../data/work.ts'
import type { Contestant } from '../servers/contestants.ts'

const INSTANTS = new Set(['completed_at', 'due_at', 'created_at', 'updated_at'])

/** @throws if two servers send different responses, because a comparison of different work is meaningless. */
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
  // Servers may write the same instant differently.
  return JSON.parse(text, (name, value) =>
    INSTANTS.has(name) && value !== null
      ? new Date(`${value}`.replace(/(?<!Z|[+-]\d\d:\d\d)$/, 'Z')).getTime()
      : value,
  )
}

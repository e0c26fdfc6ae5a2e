import type { FastifyReply, FastifyRequest } from 'fastify'
import { dateInZone } from '../../core/recurrence/calendar-date.ts'
import { nextOccurrence } from '../../core/recurrence/next-occurrence.ts'
import { parseRule } from '../../core/recurrence/rule.ts'
import { unavailable } from '../../database/errors.ts'
import type { Statement } from '../../database/session.ts'
import { collectionPath } from '../../http/resource/send.ts'
import {
  type Facts,
  type FactsText,
  factsNeeded,
  findNext,
  giveFollowing,
  type ResponseKeys,
  readFacts,
} from '../../models/tasks/occurrence.ts'

/**
 * How often a change is tried. Without concurrent changes, the third attempt is the last: the first finds that dates are
 * needed, and the second may find more, as of tasks that the change makes itself.
 */
const ATTEMPTS = 5

/** The ids of next occurrences, by those of the completed tasks. */
export type Next = ReadonlyMap<string, string>

/** The statements around a change, in the same transaction: the dates, and the ids of what was made. */
export interface Around {
  readonly first: Statement<void>
  readonly last: Statement<Next>
}

/** Runs a statement, if need be with others around it. */
export async function runWithin<Result>(
  request: FastifyRequest,
  around: Around | undefined,
  statement: Statement<Result>,
): Promise<readonly [Result, Next]> {
  if (around === undefined) return [await request.asUser(statement), new Map()]
  const [, result, next] = await request.asUser([around.first, statement, around.last])
  return [result, next]
}

/**
 * Makes a change that may complete recurring tasks. Only such a task needs a second attempt: the first one fails
 * with the facts that determine the date of its next occurrence.
 *
 * @param change runs the statements in one transaction, within the given ones.
 * @param options.keys under which the response to a keyed request is stored.
 * @param options.others finds the facts of other tasks that it may complete.
 * @returns the result, and the occurrences that the change made.
 */
export async function withOccurrences<Result>(
  change: (around: Around | undefined) => Promise<readonly [Result, Next]>,
  { keys, others }: OccurrenceOptions = {},
): Promise<readonly [Result, Next]> {
  const known = new Set<FactsText>()
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await change(known.size === 0 ? undefined : aroundOf([...known], keys))
    } catch (error) {
      const facts = factsNeeded(error)
      if (facts === undefined) throw error
      if (attempt === ATTEMPTS) throw unavailable(error)
      const more = attempt === 1 ? await others?.() : undefined
      for (const one of [...facts, ...(more ?? [])]) known.add(one)
    }
  }
}

interface OccurrenceOptions {
  readonly keys?: ResponseKeys | undefined
  readonly others?: () => Promise<readonly FactsText[]>
}

function aroundOf(all: readonly FactsText[], keys?: ResponseKeys): Around {
  const read = all.map((of) => ({ of, facts: readFacts(of) }))
  return {
    first: giveFollowing(read.map(({ of, facts }) => ({ of, date: dateAfter(facts) }))),
    last: findNext(
      read.map(({ facts }) => facts.id),
      keys,
    ),
  }
}

/** @returns the date of the occurrence that follows when the task is completed now. */
function dateAfter({ recurrence, zone, due, start, date, number }: Facts): string | undefined {
  const parsed = parseRule(recurrence.rule)
  if (parsed.outcome === 'refused' || !due || !start || !date) return undefined
  const today = dateInZone(new Date(), zone ?? 'UTC')
  return nextOccurrence({
    ...{ rule: parsed.rule, from: recurrence.from, firstDate: start, made: number },
    ...{ dueDate: due > date ? due : date, completedOn: today, today },
  })
}

/** Adds the address of the next occurrence of a task to the response, if there is one. */
export function linkNext(reply: FastifyReply, next: string | undefined): FastifyReply {
  if (next === undefined) return reply
  const path = collectionPath(reply.request, 'tasks')
  return reply.header('link', `<${path}/${next}>; rel="next-occurrence"`)
}

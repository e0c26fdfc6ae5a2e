import type { FastifyReply, FastifyRequest } from 'fastify'
import { v7 as uuidv7 } from 'uuid'
import { dateInZone } from '../../core/recurrence/calendar-date.ts'
import { nextOccurrence } from '../../core/recurrence/next-occurrence.ts'
import { parseRule } from '../../core/recurrence/rule.ts'
import { unavailable } from '../../database/errors.ts'
import type { Statement } from '../../database/session.ts'
import { collectionPath } from '../../http/resource/send.ts'
import type { Stored } from '../../models/stored.ts'
import {
  type Facts,
  type Following,
  factsNeeded,
  findNext,
  giveFollowing,
} from '../../models/tasks/occurrence.ts'

/** How often a change is tried again while other requests change the same task. */
const REPEATS = 20

/** Runs a statement, in the same transaction as another one before it. */
export async function runAfter<Result>(
  request: FastifyRequest,
  first: Statement<void> | undefined,
  statement: Statement<Result>,
): Promise<Result> {
  if (first === undefined) return request.asUser(statement)
  const [, result] = await request.asUser([first, statement])
  return result
}

/**
 * Makes a change that may complete recurring tasks. Only such a task needs a second attempt: the first one fails
 * with what the date of its next occurrence depends on.
 *
 * @param change runs the statement in one transaction, after the given one.
 * @returns the result, and the occurrences that the change made.
 */
export async function withOccurrences<Result>(
  change: (first: Statement<void> | undefined) => Promise<Result>,
): Promise<{ result: Result; made: readonly Following[] }> {
  let following: Following[] = []
  for (let repeats = 0; ; ) {
    try {
      const result = await change(following.length === 0 ? undefined : giveFollowing(following))
      return { result, made: following.filter(({ date }) => date !== undefined) }
    } catch (error) {
      const facts = factsNeeded(error)
      if (facts === undefined) throw error
      const others = following.filter(({ of }) => of.id !== facts.id)
      if (others.length < following.length) repeats += 1
      if (repeats > REPEATS) throw unavailable(error)
      following = [...others, { of: facts, id: uuidv7(), date: dateAfter(facts) }]
    }
  }
}

/** @returns the date of the occurrence that follows when the task is completed now. */
function dateAfter({ recurrence, zone, due, start, date, number }: Facts): string | undefined {
  const parsed = parseRule(recurrence.rule)
  if (parsed.outcome === 'refused') return undefined
  const today = dateInZone(new Date(), zone ?? 'UTC')
  return nextOccurrence({
    ...{ rule: parsed.rule, from: recurrence.from, firstDate: start, made: number },
    ...{ dueDate: due > date ? due : date, completedOn: today, today },
  })
}

/** @returns the next occurrences of completed recurring tasks in a stored response, by the ids of these tasks. */
export async function storedNext(
  request: FastifyRequest,
  tasks: readonly Stored[],
): Promise<ReadonlyMap<string, string>> {
  const ids = tasks.filter(({ json }) => isRecurring(JSON.parse(json))).map(({ id }) => id)
  return ids.length === 0 ? new Map() : request.asUser(findNext(ids))
}

const isRecurring = ({ completed, recurrence }: { completed: boolean; recurrence: unknown }) =>
  completed && recurrence !== null

/** @returns the ids of the next occurrences, by the ids of the completed tasks. */
export const nextIds = (made: readonly Following[]): ReadonlyMap<string, string> =>
  new Map(made.map(({ of, id }) => [of.id, id]))

/** Adds the address of the next occurrence of a task to the response, if there is one. */
export function linkNext(reply: FastifyReply, next: string | undefined): FastifyReply {
  if (next === undefined) return reply
  const path = collectionPath(reply.request, 'tasks')
  return reply.header('link', `<${path}/${next}>; rel="next-occurrence"`)
}

import { setTimeout as rest } from 'node:timers/promises'
import type { FastifyPluginAsyncJsonSchemaToTs } from '@fastify/type-provider-json-schema-to-ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../core/errors.ts'
import { LIMITS } from '../../core/limits.ts'
import { isCanonicalUuid } from '../../core/uuid.ts'
import { ROLLBACK } from '../../database/session.ts'
import { etagOf } from '../../http/resource/conditions.ts'
import type { Stored } from '../../models/stored.ts'
import {
  type Batch as BatchStatements,
  batchOnce,
  batchUndone,
  type Creations,
  findBatch,
} from '../../models/tasks/batch.ts'
import { withDefaults } from '../../models/tasks/columns.ts'
import { findFacts } from '../../models/tasks/occurrence.ts'
import type { IdempotencyKey } from '../../models/tasks/once.ts'
import type { Insertion } from '../../models/tasks/task.ts'
import { type AskedOperation, BATCH_DOCUMENTED, BatchResults } from '../../schemas/tasks/batch.ts'
import { batchOperation } from './batch-operation.ts'
import { type BatchOptions, explain, statementsOf, statusOf } from './batch-operations.ts'
import {
  forgetsKeys,
  idempotencyKey,
  keyInProgress,
  keyReused,
  OWN_LOCK_MS,
  OWN_LOCK_WAITS,
} from './idempotency.ts'
import { type Around, type Next, withOccurrences } from './occurrences.ts'

const config = { access: 'owner', bodyLevels: LIMITS.batchLevels } as const

/** Several operations on tasks at once (contract §1), at `/api/:user_id/tasks/batch`. */
export const batch: FastifyPluginAsyncJsonSchemaToTs<{ Options: BatchOptions }> = async (
  app,
  options,
) => {
  for (const schema of [...BATCH_DOCUMENTED, BatchResults]) app.addSchema(schema)
  const forgetKeys = forgetsKeys()

  const route = { schema: batchOperation, config, bodyLimit: LIMITS.batchBytes }
  app.post('', route, async (request, reply) => {
    const asked: readonly AskedOperation[] = request.body.operations
    const operations = asked.map((operation) => statementsOf(operation, options))
    if (request.query.dry_run) {
      const undone = await outcomes(request, asked, (how) => batchUndone(operations, how))
      return sendResults(reply, asked, undone)
    }
    const key = idempotencyKey(request, { body: asked.map(canonical) })
    if (key !== undefined) forgetKeys(request)
    const replay = key && (() => replayed(reply, asked, key))
    const done = await outcomes(request, asked, (how) => batchOnce(operations, key, how), replay)
    return sendResults(reply, asked, done)
  })
}

/** The operation with the defaults of a new task. */
function canonical(asked: AskedOperation): object {
  if ('id' in asked) return asked
  const { id } = asked.task
  return { ...asked, task: { ...withDefaults(asked.task), ...(id && { id }) } }
}

/** The outcome of an operation, its task, and the id of the next occurrence that it made. */
type Outcome = Pick<Insertion, 'outcome'> & {
  readonly task?: Stored
  readonly next?: string | undefined
}

/**
 * If the creation of several tasks by one statement fails, nothing was done, and all of it is done again with a statement
 * for each task, which has the exact outcome.
 *
 * @param replay is called if the key was used.
 * @throws {AppError} the problem of the first operation that fails.
 */
async function outcomes(
  request: FastifyRequest,
  asked: readonly AskedOperation[],
  batchWith: (creations: Creations) => BatchStatements,
  replay?: () => Promise<readonly Outcome[] | undefined>,
  { creations, waits }: Attempt = { creations: 'joined', waits: 0 },
): Promise<readonly Outcome[]> {
  const batch = batchWith(creations)
  let isFirst = creations === 'joined'
  const run = (around: Around | undefined) => {
    isFirst &&= around === undefined
    return runBatch(request, around, batch)
  }
  try {
    const completed = asked.filter(completes).map(({ id }) => id)
    const [done, next] = await withOccurrences(run, {
      keys: batch.keys,
      others: () => request.asUser(findFacts(completed.filter(isCanonicalUuid))),
    })
    return withNext(asked, done, next)
  } catch (error) {
    if (!(error instanceof AppError) || error.statement === undefined) throw error
    const { statement } = error
    if (batch.isJoined(statement)) {
      return outcomes(request, asked, batchWith, replay, { creations: 'alone', waits })
    }
    const at = batch.operationAt(statement)
    const operation = asked[at ?? -1]
    if (at !== undefined && operation !== undefined) throw explain(error, operation, at)
    if (error.code !== 'not_found') throw error
    if (statement === batch.claimAt && replay !== undefined) {
      const stored = await replay()
      if (stored !== undefined) return stored
      if (isFirst || waits === OWN_LOCK_WAITS) throw keyInProgress()
      await rest(OWN_LOCK_MS)
      return outcomes(request, asked, batchWith, replay, { creations, waits: waits + 1 })
    }
    throw statement === batch.measureAt ? tooLarge(error) : error
  }
}

/** An attempt to run a batch. */
interface Attempt {
  readonly creations: Creations
  /** How often it waited for the lock of the key, which may be that of an earlier attempt ({@link OWN_LOCK_MS}). */
  readonly waits: number
}

/** Runs the statements within others. A failed statement has its index in the batch. */
async function runBatch(
  request: FastifyRequest,
  around: Around | undefined,
  { statements, outcomes }: BatchStatements,
): Promise<readonly [readonly Insertion[], Next]> {
  if (around === undefined) return [outcomes(await request.asUser(statements)), new Map()]
  const { first, last } = around
  // A rollback stays the last statement.
  const end = statements.at(-1) === ROLLBACK ? -1 : statements.length
  const all = [first, ...statements.slice(0, end), last, ...statements.slice(end)]
  try {
    const results = await request.asUser(all)
    const at = all.indexOf(last)
    const others = results.toSpliced(at, 1).slice(1) as Parameters<typeof outcomes>[0] // those of the batch
    return [outcomes(others), results[at] ?? new Map()]
  } catch (error) {
    if (!(error instanceof AppError) || error.statement === undefined) throw error
    throw Object.assign(error, { statement: error.statement - 1 })
  }
}

type Completing = Extract<AskedOperation, { op: 'complete' | 'update' }>
const completes = (operation: AskedOperation): operation is Completing =>
  operation.op === 'complete' || (operation.op === 'update' && operation.task.completed === true)

/** @returns the outcomes, with the next occurrence at the last operation that completed its task. */
function withNext(
  asked: readonly AskedOperation[],
  outcomes: readonly Outcome[],
  next: Next,
): readonly Outcome[] {
  if (next.size === 0) return outcomes
  const makers = new Map<string, number>()
  for (const [at, { task }] of outcomes.entries()) {
    const operation = asked[at]
    if (task === undefined || operation === undefined || !completes(operation)) continue
    if (JSON.parse(task.json).completed) makers.set(task.id, at)
  }
  return outcomes.map((outcome, at) => {
    const id = outcome.task?.id ?? ''
    return makers.get(id) === at ? { ...outcome, next: next.get(id) } : outcome
  })
}

function tooLarge(cause: AppError): AppError {
  const detail = `The tasks in the response to a request with an Idempotency-Key must not exceed ${LIMITS.batchStoredBytes} bytes; send fewer operations`
  return new AppError('payload_too_large', { cause, detail })
}

/**
 * Reads the response that was stored under the key.
 *
 * @returns undefined while another request with the key is in progress.
 * @throws {AppError} `validation_error`
 */
async function replayed(
  reply: FastifyReply,
  asked: readonly AskedOperation[],
  { key, requestHash }: IdempotencyKey,
): Promise<readonly Outcome[] | undefined> {
  const stored = await reply.request.asUser(findBatch(key))
  if (stored === undefined) return undefined
  if (stored.requestHash !== requestHash) throw keyReused()
  const next = new Map<string, string>()
  const outcomes = asked.map(({ op }, at): Outcome => {
    const note = stored.notes.get(at)
    if (note?.next !== undefined) next.set(note.task.id, note.next)
    if (note !== undefined) return { outcome: note.outcome, task: note.task }
    if (op === 'delete') return { outcome: 'deleted' }
    // The key has expired, and its rows are being deleted.
    throw keyInProgress()
  })
  reply.header('idempotency-replayed', 'true')
  return withNext(asked, outcomes, next)
}

function sendResults(
  reply: FastifyReply,
  asked: readonly AskedOperation[],
  outcomes: readonly Outcome[],
): FastifyReply {
  const results = outcomes.map(({ outcome, task, next }, at) => {
    const operation = asked[at]
    const status = operation && statusOf(operation, outcome)
    if (task === undefined) return `{"status":${status}}`
    const etag = JSON.stringify(etagOf(task))
    const nextId = next === undefined ? '' : `,"next_id":"${next}"`
    return `{"status":${status},"etag":${etag},"task":${task.json}${nextId}}`
  })
  return reply.type('application/json').send(`{"results":[${results.join(',\n')}]}`)
}

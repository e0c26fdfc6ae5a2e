import { LIMITS } from '../../core/limits.ts'
import { type Answer, type Asked, ROLLBACK, type Row, type Statement } from '../session.ts'

/** The rows of each statement. */
export type RowsOfEach = readonly (readonly Row[])[]

/** The statements of one transaction. */
export interface Batch<Result = unknown> {
  readonly statements: readonly Statement<unknown>[]
  /** @returns the result of `asUser`. */
  readonly read: (rows: RowsOfEach) => Result
}

const asRequired = <Result>(statement: Statement<Result>): Statement<Result> =>
  statement.required === undefined ? statement : { ...statement, sql: statement.required }

/** @returns the statements of one call of `asUser`. */
export function batchOf<A extends Asked>(asked: A): Batch<Answer<A>> {
  const statements: readonly Statement<unknown>[] = 'sql' in asked ? [asked] : asked.map(asRequired)
  if (statements.length > LIMITS.statementsOfBatch) {
    throw new RangeError(`A batch has at most ${LIMITS.statementsOfBatch} statements`)
  }
  if (statements.slice(0, -1).some(({ sql }) => sql === ROLLBACK.sql)) {
    throw new RangeError('A statement after the end of the transaction would have no scope')
  }
  const read = (rows: RowsOfEach): unknown => {
    const results = statements.map((statement, at) => statement.read(rows[at] ?? []))
    return 'sql' in asked ? results[0] : results
  }
  return { statements, read: read as Batch<Answer<A>>['read'] } // as the type Answer defines it
}

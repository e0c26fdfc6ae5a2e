import { type PoolClient, Query, type QueryResult } from 'pg'
import { AppError } from '../../core/errors.ts'
import { MismatchError, ScopeError, sqlState } from '../errors.ts'
import { AnswerCheck, requestNumber } from '../pipeline/answer-check.ts'
import { pinPath, timeLimits } from '../scope.ts'
import type { Row } from '../session.ts'

/** The role of every statement on accounts. It owns nothing and has no access to tasks. */
export const ACCOUNTS_ROLE = 'todo_accounts'

/** `$1` is the number of the request, which the scope returns. */
const SCOPE = `select pg_catalog.set_config('role', '${ACCOUNTS_ROLE}', true), $1, ${pinPath('true')}, ${timeLimits('true')}`

export interface AccountQueryConfig {
  readonly text: string
  readonly values: readonly unknown[]
  readonly rowMode?: 'array'
  readonly types?: { getTypeParser(): (text: string) => string }
}

/**
 * Runs a query as the accounts role.
 *
 * @throws {AppError} `bad_request` for text with U+0000, which PostgreSQL cannot store.
 * @throws {MismatchError} if the response belongs to another request; pg's error otherwise.
 */
export async function query(client: PoolClient, config: AccountQueryConfig): Promise<QueryResult> {
  if (config.values.some((value) => typeof value === 'string' && value.includes('\0'))) {
    throw new AppError('bad_request', { detail: 'Text must not contain U+0000' })
  }
  return new Promise((resolve, reject) => {
    const settle = (error: unknown, result: QueryResult) => {
      if (error) reject(error)
      else resolve(result)
    }
    client.query(new AccountQuery({ ...config, queryMode: 'extended' }, settle) as never)
  })
}

/** The part of pg's Connection that is used here. @types/pg does not declare it. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void; destroy(error: Error): void }
  parse(message: { text: string }): void
  bind(message: object): void
  execute(message: object): void
}

/** @types/pg declares these methods as properties, which TypeScript does not let a class override. */
const PgQuery = Query as unknown as new (
  config: object,
  settle: (error: unknown, result: QueryResult) => void,
) => {
  submit(wire: Wire): Error | null
  handleDataRow(message: unknown): void
  handleCommandComplete(message: unknown, wire: Wire): void
  handleReadyForQuery(wire: Wire): void
  handlePortalSuspended(wire: Wire): void
  handleCopyInResponse(wire: Wire): void
  handleError(error: unknown, wire: Wire): void
}

/**
 * pg's query, preceded by Parse, Bind and Execute of the scope. The scope's row must show that the
 * response belongs to this request, and is then discarded. Otherwise the connection is closed.
 */
class AccountQuery extends PgQuery {
  readonly #number = requestNumber()
  readonly #check = new AnswerCheck([ACCOUNTS_ROLE, this.#number])
  #wire: Wire | undefined
  #mismatched = false

  override submit(wire: Wire): Error | null {
    this.#wire = wire
    wire.stream.cork()
    try {
      wire.parse({ text: SCOPE })
      wire.bind({ values: [this.#number] })
      wire.execute({})
      return super.submit(wire)
    } finally {
      wire.stream.uncork()
    }
  }

  override handleDataRow(message: { fields: Row }): void {
    this.#unlessMismatched(() => {
      if (this.#check.row(message.fields)) super.handleDataRow(message)
    })
  }

  override handleCommandComplete(message: { text: string }, wire: Wire): void {
    this.#unlessMismatched(() => {
      if (this.#check.complete(message.text)) super.handleCommandComplete(message, wire)
    })
  }

  override handleReadyForQuery(wire: Wire): void {
    this.#unlessMismatched(() => {
      this.#check.end()
      super.handleReadyForQuery(wire)
    })
  }

  // These responses do not follow from any message sent here, and pg would reply to them.
  override handlePortalSuspended(): void {
    this.#close(new MismatchError('it is suspended (PortalSuspended)'))
  }

  override handleCopyInResponse(): void {
    this.#close(new MismatchError('it asks for COPY data'))
  }

  override handleError(error: unknown, wire: Wire): void {
    if (this.#mismatched) return
    const unscoped = !this.#check.scoped && sqlState(error) !== undefined
    super.handleError(unscoped ? new ScopeError(error) : error, wire)
  }

  #unlessMismatched(check: () => void): void {
    if (this.#mismatched) return
    try {
      check()
    } catch (error) {
      if (!(error instanceof MismatchError)) throw error
      this.#close(error)
    }
  }

  #close(error: MismatchError): void {
    if (this.#mismatched) return
    this.#mismatched = true
    if (this.#wire === undefined) return // not sent yet
    super.handleError(error, this.#wire)
    this.#wire.stream.destroy(error)
  }
}

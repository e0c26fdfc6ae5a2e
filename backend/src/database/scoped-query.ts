import { Query } from 'pg'
import { type Row, SCOPE, type Sql, type Statement, type Value } from './session.ts'

/** pg declares `submit` as a property, which a method may not override; at run time it is a method. */
const PipelinedQuery = Query as unknown as new (text: string) => object

/** The part of pg's Connection that carries the extended query protocol; its types lag behind. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void }
  readonly parsedStatements: Record<string, string>
  readonly submittedNamedStatements: Record<string, string>
  parse(message: { name: string; text: string; types: number[] }): void
  bind(message: { statement: string; values: readonly Value[]; valueMapper: typeof asText }): void
  execute(message: { portal: string; rows: number }): void
  sync(): void
}

/**
 * A user's statement and the scope it runs in, as one write and one implicit transaction: bind and
 * execute the scope, bind and execute the statement, sync. When the scope fails, PostgreSQL skips
 * the statement. The scope itself is prepared when the connection is opened.
 *
 * It extends pg's own Query because pg's pipeline mode takes no other class (pg 8.23,
 * lib/client.js). Nothing asks for a row description: every column is text.
 */
export class ScopedQuery extends PipelinedQuery {
  readonly text: string
  readonly name: string
  readonly #userId: string
  readonly #statement: Pick<Statement<unknown>, 'sql' | 'values'>
  readonly #settle: (error: unknown, rows: readonly Row[]) => void
  readonly #rows: Row[] = []
  #scoped = false

  constructor(
    userId: string,
    statement: Pick<Statement<unknown>, 'sql' | 'values'>,
    settle: (error: unknown, rows: readonly Row[]) => void,
  ) {
    super(statement.sql.text)
    this.text = statement.sql.text
    this.name = statement.sql.name
    this.#userId = userId
    this.#statement = statement
    this.#settle = settle
  }

  submit(wire: Wire): null {
    wire.stream.cork()
    try {
      // Parsed before the scope is set, so that a scope that fails leaves it prepared all the same.
      prepare(wire, this.#statement.sql)
      run(wire, SCOPE, [this.#userId])
      run(wire, this.#statement.sql, this.#statement.values)
      wire.sync()
    } finally {
      wire.stream.uncork()
    }
    return null
  }

  handleDataRow(message: { fields: Row }): void {
    if (this.#scoped) this.#rows.push(message.fields)
  }

  handleCommandComplete(): void {
    this.#scoped = true
  }

  handleReadyForQuery(): void {
    this.#settle(undefined, this.#rows)
  }

  handleError(error: unknown): void {
    this.#settle(error, [])
  }
}

function prepare(wire: Wire, sql: Sql): void {
  if (wire.parsedStatements[sql.name] ?? wire.submittedNamedStatements[sql.name]) return
  wire.parse({ ...sql, types: [] })
  wire.submittedNamedStatements[sql.name] = sql.text
}

function run(wire: Wire, sql: Sql, values: readonly Value[]): void {
  wire.bind({ statement: sql.name, values, valueMapper: asText })
  wire.execute({ portal: '', rows: 0 })
}

function asText(value: Value): string | null {
  return value === null ? null : String(value)
}

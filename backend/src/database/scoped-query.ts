import { Query } from 'pg'
import { serialize } from 'pg-protocol'
import type { Row, Sql, Statement, Value } from './session.ts'

/** pg declares `submit` as a property, which a method may not override; at run time it is a method. */
const PipelinedQuery = Query as unknown as new (text: string) => object

/** The part of pg's Connection used here; its types lag behind. */
interface Wire {
  readonly stream: { readonly writable: boolean; write(bytes: Buffer): void }
  readonly parsedStatements: Record<string, string>
  readonly submittedNamedStatements: Record<string, string>
}

const EXECUTE = serialize.execute({ portal: '', rows: 0 })
const SYNC = serialize.sync()

/**
 * A user's statement and the scope it runs in, as one write and one implicit transaction: bind and
 * execute the scope, bind and execute the statement, sync. When the scope fails, PostgreSQL skips
 * the statement.
 *
 * It extends pg's own Query because pg's pipeline mode takes no other class (pg 8.23,
 * lib/client.js). Nothing asks for a row description: every column is text.
 */
export class ScopedQuery extends PipelinedQuery {
  readonly text: string
  readonly name: string
  readonly #scope: Sql
  readonly #userId: string
  readonly #statement: Pick<Statement<unknown>, 'sql' | 'values'>
  readonly #settle: (error: unknown, rows: readonly Row[]) => void
  readonly #rows: Row[] = []
  #scoped = false

  constructor(
    scope: Sql,
    userId: string,
    statement: Pick<Statement<unknown>, 'sql' | 'values'>,
    settle: (error: unknown, rows: readonly Row[]) => void,
  ) {
    super(statement.sql.text)
    this.text = statement.sql.text
    this.name = statement.sql.name
    this.#scope = scope
    this.#userId = userId
    this.#statement = statement
    this.#settle = settle
  }

  submit(wire: Wire): null {
    const { sql, values } = this.#statement
    const { name, text } = sql
    const known = wire.parsedStatements[name] ?? wire.submittedNamedStatements[name]
    const messages = [
      // Parsed before the scope is set, so that a scope that fails leaves it prepared all the same.
      ...(known ? [] : [serialize.parse({ name, text, types: [] })]),
      bind(this.#scope, [this.#userId]),
      EXECUTE,
      bind(sql, values),
      EXECUTE,
      SYNC,
    ]
    if (!wire.stream.writable) return null
    wire.stream.write(Buffer.concat(messages))
    // pg notes the answer under the same name.
    if (!known) wire.submittedNamedStatements[name] = text
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

function bind({ name }: Sql, values: readonly Value[]): Buffer {
  return serialize.bind({ statement: name, values: values.map(asText) })
}

function asText(value: Value): string | null {
  return value === null ? null : String(value)
}

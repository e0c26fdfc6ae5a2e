import { Query } from 'pg'
import { serialize } from 'pg-protocol'
import type { Row, Sql, Statement } from '../../../backend/src/database/session.ts'

const PipelinedQuery = Query as unknown as new (text: string) => object

interface Wire {
  readonly stream: { readonly writable: boolean; write(bytes: Buffer): void }
  readonly parsedStatements: Record<string, string>
  readonly submittedNamedStatements: Record<string, string>
}

const EXECUTE = serialize.execute({})
const SYNC = serialize.sync()

/** The server's query class without the scope. Everything else is the same. */
export class UnscopedQuery extends PipelinedQuery {
  readonly text: string
  readonly name: string
  readonly #userId: string
  readonly #statement: Statement<unknown>
  readonly #settle: (error: unknown, rows: readonly Row[]) => void
  readonly #rows: Row[] = []

  constructor(
    userId: string,
    statement: Statement<unknown>,
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
    const { sql, values } = this.#statement
    const texts = [this.#userId, ...values].map((value) => (value === null ? null : String(value)))
    const bind = serialize.bind({ statement: sql.name, values: texts })
    wire.stream.write(Buffer.concat([...prepare(wire, sql), bind, EXECUTE, SYNC]))
    return null
  }

  handleDataRow(message: { fields: Row }): void {
    this.#rows.push(message.fields)
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#settle(undefined, this.#rows)
  }

  handleError(error: unknown): void {
    this.#settle(error, [])
  }
}

function prepare(wire: Wire, { name, text }: Sql): Buffer[] {
  if (wire.parsedStatements[name] ?? wire.submittedNamedStatements[name]) return []
  wire.submittedNamedStatements[name] = text
  return [serialize.parse({ name, text, types: [25] })]
}

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

export interface ScopedRun {
  readonly scope: Sql
  readonly userId: string
  readonly statement: Pick<Statement<unknown>, 'sql' | 'values'>
  /** Whether both are prepared by name; behind some poolers a name is not known the next time. */
  readonly prepared: boolean
}

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
  /** pg notes by it what the server has parsed; empty where nothing is prepared. */
  readonly name: string
  readonly #run: ScopedRun
  readonly #settle: (error: unknown, rows: readonly Row[]) => void
  readonly #rows: Row[] = []
  #scoped = false

  constructor(run: ScopedRun, settle: (error: unknown, rows: readonly Row[]) => void) {
    const { sql } = run.statement
    super(sql.text)
    this.text = sql.text
    this.name = run.prepared ? sql.name : ''
    this.#run = run
    this.#settle = settle
  }

  submit(wire: Wire): null {
    if (!wire.stream.writable) return null
    const { scope, userId, statement, prepared } = this.#run
    const { sql, values } = statement
    const messages = [bind(this.name, values), EXECUTE, SYNC]
    // Behind the scope, which behind a pooler has the time limits: a parse waits for a locked table too.
    if (!prepared || !knows(wire, sql)) messages.unshift(parse(this.name, sql))
    const scopeName = prepared ? scope.name : ''
    messages.unshift(bind(scopeName, [userId]), EXECUTE)
    if (!prepared || !knows(wire, scope)) messages.unshift(parse(scopeName, scope))
    wire.stream.write(Buffer.concat(messages))
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

function parse(name: string, { text }: Sql): Buffer {
  return serialize.parse({ name, text, types: [] })
}

/** Whether the connection has it prepared, or is about to; from now on it is. */
function knows(wire: Wire, { name, text }: Sql): boolean {
  if (wire.parsedStatements[name] ?? wire.submittedNamedStatements[name]) return true
  // pg notes the answer under the same name.
  wire.submittedNamedStatements[name] = text
  return false
}

function bind(name: string, values: readonly Value[]): Buffer {
  return serialize.bind({ statement: name, values: values.map(asText) })
}

function asText(value: Value): string | null {
  return value === null ? null : String(value)
}

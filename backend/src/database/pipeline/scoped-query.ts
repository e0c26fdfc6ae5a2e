import { Query } from 'pg'
import { serialize } from 'pg-protocol'
import { MismatchError, ScopeError, sqlState } from '../errors.ts'
import { type Row, type Sql, type Statement, TASK_ROLE, type Value } from '../session.ts'
import { AnswerCheck, requestNumber } from './answer-check.ts'

/** pg declares `submit` as a property, which a method may not override; at run time it is a method. */
const PipelinedQuery = Query as unknown as new (text: string) => object

/** The part of pg's Connection used here; its types lag behind. */
interface Wire {
  readonly stream: { readonly writable: boolean; write(bytes: Buffer): void }
  readonly parsedStatements: Record<string, string>
  readonly submittedNamedStatements: Record<string, string>
}

/**
 * `text`, in PostgreSQL's catalogue of types. `$1` is declared with it, so that a statement which does
 * not use the user can be given one as well.
 */
const USER_TYPE = 25

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
  readonly #number = requestNumber()
  readonly #check: AnswerCheck
  #settled = false

  /**
   * @param settle is called once, with the rows of a complete response to this request or with an error:
   *   PostgreSQL's error of the statement, {@link ScopeError}, or {@link MismatchError}, after which
   *   nothing on the connection can be trusted.
   */
  constructor(run: ScopedRun, settle: (error: unknown, rows: readonly Row[]) => void) {
    const { sql } = run.statement
    super(sql.text)
    this.#check = new AnswerCheck([TASK_ROLE, run.userId, this.#number])
    this.text = sql.text
    this.name = run.prepared ? sql.name : ''
    this.#run = run
    this.#settle = settle
  }

  submit(wire: Wire): null {
    if (!wire.stream.writable) return null
    const { scope, userId, statement, prepared } = this.#run
    const { sql, values } = statement
    // The same argument as the scope's, so that the two cannot differ.
    const messages = [bind(this.name, [userId, ...values]), EXECUTE, SYNC]
    // Behind the scope, which behind a pooler has the time limits: a parse waits for a locked table too.
    if (!prepared || !knows(wire, sql)) messages.unshift(parse(this.name, sql))
    const scopeName = prepared ? scope.name : ''
    messages.unshift(bind(scopeName, [userId, this.#number]), EXECUTE)
    if (!prepared || !knows(wire, scope)) messages.unshift(parse(scopeName, scope))
    wire.stream.write(Buffer.concat(messages))
    return null
  }

  handleDataRow({ fields }: { fields: Row }): void {
    try {
      if (this.#check.row(fields)) this.#rows.push(fields)
    } catch (error) {
      this.#end(error, [])
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    try {
      this.#check.complete(text)
    } catch (error) {
      this.#end(error, [])
    }
  }

  handleReadyForQuery(): void {
    try {
      this.#check.end()
      this.#end(undefined, this.#rows)
    } catch (error) {
      this.#end(error, [])
    }
  }

  /** Whether any part of a response came before it failed. */
  get answered(): boolean {
    return this.#check.begun
  }

  handleError(error: unknown): void {
    const unscoped = !this.#check.scoped && sqlState(error) !== undefined
    this.#end(unscoped ? new ScopeError(error) : error, [])
  }

  // No message sent here leads to these responses, and pg would reply to some of them by itself.
  handleRowDescription(): void {
    this.#end(new MismatchError('it has a RowDescription'), [])
  }

  handleEmptyQuery(): void {
    this.#end(new MismatchError('it is for an empty statement'), [])
  }

  handlePortalSuspended(): void {
    this.#end(new MismatchError('it is suspended (PortalSuspended)'), [])
  }

  handleCopyInResponse(): void {
    this.#end(new MismatchError('it asks for COPY data'), [])
  }

  /** Settles once, because pg continues to read messages that have already arrived. */
  #end(error: unknown, rows: readonly Row[]): void {
    if (this.#settled) return
    this.#settled = true
    this.#settle(error, rows)
  }
}

function parse(name: string, { text }: Sql): Buffer {
  return serialize.parse({ name, text, types: [USER_TYPE] })
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

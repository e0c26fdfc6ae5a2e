import { Query } from 'pg'
import { serialize } from 'pg-protocol'
import { isOfOurs, MismatchError, noteStatement, ScopeError, sqlState } from '../errors.ts'
import { type Row, type Sql, type Statement, TASK_ROLE, type Value } from '../session.ts'
import { AnswerCheck, requestNumber } from './answer-check.ts'
import type { RowsOfEach } from './batch.ts'

/** @types/pg declares `submit` as a property, which TypeScript does not let a class override. */
const PipelinedQuery = Query as unknown as new (text: string) => object

/** The part of pg's Connection that is used here. @types/pg does not declare it. */
interface Wire {
  readonly stream: { readonly writable: boolean; write(bytes: Buffer): void }
}

/**
 * The OID of `text` in pg_type. It declares the type of `$1`, which PostgreSQL could not infer for a
 * statement that does not use the user.
 */
const USER_TYPE = 25

const EXECUTE = serialize.execute({ portal: '', rows: 0 })
const SYNC = serialize.sync()

export interface ScopedRun {
  readonly scope: Sql
  readonly userId: string
  readonly statements: readonly Pick<Statement<unknown>, 'sql' | 'values'>[]
  /**
   * The names that the server has parsed. A complete response adds those of this query. Undefined if
   * statements are not prepared by name, because some poolers do not keep them.
   */
  readonly parsed: Set<string> | undefined
}

/**
 * A user's statements and their scope, as one write and one implicit transaction: bind and
 * execute the scope, bind and execute each statement, sync. After a failure, PostgreSQL skips the rest
 * and rolls back the transaction (PostgreSQL manual, "Extended Query").
 *
 * It extends pg's Query because pg's pipeline mode accepts no other class (pg 8.23, lib/client.js). It does
 * not request row descriptions, because every column is text.
 */
export class ScopedQuery extends PipelinedQuery {
  /** For pg, which never sends it. */
  readonly text: string
  /** Empty, so that pg does not track parsed names. It supports only one name per query. */
  readonly name = ''
  readonly #run: ScopedRun
  readonly #settle: (error: unknown, rows: RowsOfEach) => void
  /** The rows of each statement, up to the one whose response is arriving. */
  readonly #rows: Row[][] = [[]]
  readonly #parses = new Set<string>()
  readonly #number = requestNumber()
  readonly #check: AnswerCheck
  #settled = false

  /**
   * @param settle is called once, with the rows of each statement if the response to this request is
   *   complete, or with an error: PostgreSQL's error of a statement, {@link ScopeError}, or
   *   {@link MismatchError}, after which the connection must be closed.
   */
  constructor(run: ScopedRun, settle: (error: unknown, rows: RowsOfEach) => void) {
    super('')
    const { userId, statements } = run
    this.#check = new AnswerCheck([TASK_ROLE, userId, this.#number], statements.length)
    this.text = statements[0]?.sql.text ?? ''
    this.#run = run
    this.#settle = settle
  }

  submit(wire: Wire): null {
    if (!wire.stream.writable) return null
    const { scope, userId, statements } = this.#run
    const messages = this.#messagesOf(scope, [userId, this.#number])
    // After the scope, which may set the time limits: a parse can also wait for a locked table.
    for (const { sql, values } of statements) {
      // The same variable as for the scope, so that the two users cannot differ.
      messages.push(...this.#messagesOf(sql, [userId, ...values]))
    }
    messages.push(SYNC)
    wire.stream.write(Buffer.concat(messages))
    return null
  }

  /** @returns the messages that run a statement. */
  #messagesOf(sql: Sql, values: readonly Value[]): Buffer[] {
    const { parsed } = this.#run
    if (parsed === undefined) return [parse('', sql), bind('', values), EXECUTE]
    const { name } = sql
    const run = [bind(name, values), EXECUTE]
    if (parsed.has(name) || this.#parses.has(name)) return run
    this.#parses.add(name)
    // A failed query may have left a statement with this name. Closing a missing one is not an error.
    return [serialize.close({ type: 'S', name }), parse(name, sql), ...run]
  }

  handleDataRow({ fields }: { fields: Row }): void {
    try {
      if (this.#check.row(fields)) this.#rows.at(-1)?.push(fields)
    } catch (error) {
      this.#end(error, [])
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    try {
      if (this.#check.complete(text)) this.#rows.push([])
    } catch (error) {
      this.#end(error, [])
    }
  }

  handleReadyForQuery(): void {
    try {
      this.#check.end()
      for (const name of this.#parses) this.#run.parsed?.add(name)
      this.#end(undefined, this.#rows)
    } catch (error) {
      this.#end(error, [])
    }
  }

  /** Whether a part of the response arrived before it failed. */
  get answered(): boolean {
    return this.#check.begun
  }

  handleError(error: unknown): void {
    const unscoped = !this.#check.scoped && sqlState(error) !== undefined
    if (!unscoped) {
      // The rows of the statements before it are complete.
      noteStatement(error, this.#rows.length - 1)
      if (isOfOurs(error)) this.#noteParsed(this.#rows.length)
    }
    this.#end(unscoped ? new ScopeError(error) : error, [])
  }

  /** A failure does not undo a parse. So what often fails, as a change that asks for a date, is parsed once. */
  #noteParsed(count: number): void {
    const { scope, statements, parsed } = this.#run
    for (const { name } of [scope, ...statements.slice(0, count).map(({ sql }) => sql)]) {
      parsed?.add(name)
    }
  }

  // These responses do not follow from any message sent here, and pg would reply to some of them.
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
  #end(error: unknown, rows: RowsOfEach): void {
    if (this.#settled) return
    this.#settled = true
    this.#settle(error, rows)
  }
}

function parse(name: string, { text }: Sql): Buffer {
  return serialize.parse({ name, text, types: [USER_TYPE] })
}

function bind(name: string, values: readonly Value[]): Buffer {
  return serialize.bind({ statement: name, values: values.map(asText) })
}

function asText(value: Value): string | null {
  return value === null ? null : String(value)
}

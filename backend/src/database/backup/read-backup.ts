import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import {
  BackupError,
  FORMAT,
  FORMAT_VERSION,
  type Footer,
  type Header,
  type TableEnd,
  type TableStart,
} from './format.ts'

/** Longer than any row: a task has at most 64 KiB of body, and a stored response the same. */
const LINE_BYTES = 16 * 1024 * 1024

/** A part of a backup, in its order. */
export type Part =
  | { readonly kind: 'header'; readonly header: Header }
  | {
      readonly kind: 'row'
      readonly table: string
      /** As it stands in the file: parsed, a large number would lose digits. */
      readonly text: string
      readonly row: Readonly<Record<string, unknown>>
    }
  | { readonly kind: 'end'; readonly table: string; readonly rows: number }

/**
 * Reads a backup from its beginning to its end, and checks it on the way: its format, the number of rows
 * of each table, and the checksum.
 *
 * @throws {BackupError} if it is damaged or cut; parts of it may have been read then.
 */
export async function* readBackup(file: string): AsyncGenerator<Part> {
  const hash = createHash('sha256')
  let header: Header | undefined
  let footer: Footer | undefined
  let table: string | undefined
  let rows = 0
  let total = 0
  for await (const line of linesOf(file)) {
    if (footer !== undefined) throw new BackupError('The backup goes on after its end.')
    const value = parse(line)
    if (header === undefined) {
      header = checkHeader(value)
      yield { kind: 'header', header }
    } else if (table === undefined && value.end === FORMAT) {
      footer = value as unknown as Footer // checked below
      if (footer.rows !== total || footer.sha256 !== hash.digest('hex')) throw damaged()
      continue
    } else if (table === undefined) {
      table = (value as unknown as TableStart).table
      rows = 0
      if (!header.tables.some((one) => one.table === table)) throw damaged()
    } else if (value.end === table && Object.keys(value).length === 2) {
      if ((value as unknown as TableEnd).rows !== rows) throw damaged()
      yield { kind: 'end', table, rows }
      table = undefined
    } else {
      rows += 1
      total += 1
      yield { kind: 'row', table, text: line.toString('utf8'), row: value }
    }
    hash.update(line).update('\n')
  }
  if (footer === undefined) {
    throw new BackupError('The backup is cut: its end is missing. Use a complete copy.')
  }
}

function checkHeader(value: Readonly<Record<string, unknown>>): Header {
  if (value.format !== FORMAT) throw new BackupError('The file is not a backup of this server.')
  if (value.version !== FORMAT_VERSION) {
    throw new BackupError(
      `The backup has format version ${value.version}, and this server reads version ${FORMAT_VERSION}. Restore it with a newer server.`,
    )
  }
  const { migrations, tables } = value
  if (!Array.isArray(migrations) || !Array.isArray(tables)) throw damaged()
  if (!tables.every((table) => Array.isArray(table?.columns))) throw damaged()
  return value as unknown as Header // written by writeBackup(), and covered by the checksum
}

function parse(line: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'))
    if (typeof value === 'object' && value !== null) return { ...value }
  } catch {
    // Reported as any other line that cannot be.
  }
  throw damaged()
}

function damaged(): BackupError {
  return new BackupError('The backup is damaged: its content does not match its checksum.')
}

async function* linesOf(file: string): AsyncGenerator<Buffer> {
  const input = createReadStream(file)
  const unzipped = createGunzip()
  input.on('error', (error) => unzipped.destroy(error))
  input.pipe(unzipped)
  let rest: Buffer = Buffer.alloc(0)
  try {
    for await (const chunk of unzipped) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      let from = 0
      for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a, from)) {
        yield rest.subarray(from, end)
        from = end + 1
      }
      rest = rest.subarray(from)
      if (rest.length > LINE_BYTES) throw damaged()
    }
  } catch (error) {
    throw explain(error, file)
  } finally {
    input.destroy()
  }
  if (rest.length > 0) throw new BackupError('The backup is cut in the middle of a line.')
}

/** zlib reports what is wrong by a code (nodejs.org/api/zlib.html). */
function explain(error: unknown, file: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'Z_BUF_ERROR')
    return new BackupError('The backup is cut: its end is missing. Use a complete copy.')
  if (code === 'Z_DATA_ERROR') return damaged()
  if (code === 'EISDIR') return new BackupError(`${file} is a folder. Name the file of a backup.`)
  if (code === 'ENOENT') return new BackupError(`There is no file ${file}.`)
  return error
}

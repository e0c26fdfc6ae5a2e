import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import type { Log } from '../../core/log/logger.ts'
import { isMissing } from '../../core/missing-file.ts'
import { shareBytes } from '../../http/protocol/queued-bytes.ts'

/** The web page as the build left it, in memory. */
export interface Page {
  /** All files but those that only repeat another one in a content coding. */
  readonly files: readonly PageFile[]
  /** The file for every view. */
  readonly shell: PageFile
}

export interface PageFile {
  /** Below the base path, such as `/assets/index-4f2a.js`. */
  readonly path: string
  readonly type: string
  readonly cacheControl: string
  readonly identity: Representation
  /** The same content in the content codings (RFC 9110 §8.4.1) that it has, the best first. */
  readonly compressed: ReadonlyMap<Coding, Representation>
}

export type Coding = 'br' | 'gzip'

export interface Representation {
  readonly bytes: Buffer
  /** A hash of the bytes, for the entity tag: another one in each coding (RFC 9110 §8.8.3.3). */
  readonly version: string
}

/** The content codings with the suffixes of their files, the best first. */
const CODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const

const BUILT = fileURLToPath(new URL('../../../../web/dist/', import.meta.url))
const SHELL = '/index.html'
/** As `web/index.html` has it. */
const BASE_ELEMENT = '<base href="/" />'
/** Vite writes a hash of the content into the names of these files, so that a name never changes its content. */
const HASHED = /^\/assets\//
const IMMUTABLE = 'public, max-age=31536000, immutable'
const REVALIDATED = 'no-cache'

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.woff2': 'font/woff2',
}

/** The same as {@link readPage}. A page that cannot be read is as one that is not built: the API works without it. */
export async function openPage(
  basePath: string,
  log: Log,
  folder?: string,
): Promise<Page | undefined> {
  try {
    return await readPage(basePath, folder)
  } catch (err) {
    log.warn({ err }, 'the web page could not be read')
    return undefined
  }
}

/**
 * Reads the built page.
 *
 * @param basePath the path below which the page is served, which its addresses are relative to.
 * @returns undefined if it is not built.
 */
export async function readPage(basePath: string, folder = BUILT): Promise<Page | undefined> {
  const content = await readFolder(folder)
  const html = content.get(SHELL)
  if (html === undefined) return undefined
  if (basePath !== '') {
    const based = html.toString().replace(BASE_ELEMENT, `<base href="${basePath}/" />`)
    const bytes = Buffer.from(based)
    content.set(SHELL, bytes)
    content.set(`${SHELL}.br`, brotliCompressSync(bytes))
    content.set(`${SHELL}.gz`, gzipSync(bytes))
  }
  const files = [...content].flatMap(([path, bytes]) => {
    const type = TYPES[extname(path)]
    return type === undefined ? [] : [fileOf(path, type, bytes, content)]
  })
  const shell = files.find(({ path }) => path === SHELL)
  return shell && { files, shell }
}

/** @returns each file below a folder by its path, `/` first; none if the folder does not exist. */
async function readFolder(folder: string): Promise<Map<string, Buffer>> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile())
    const read = files.map(async ({ parentPath, name }): Promise<[string, Buffer]> => {
      const file = join(parentPath, name)
      return [`/${relative(folder, file).replaceAll(sep, '/')}`, await readFile(file)]
    })
    return new Map(await Promise.all(read))
  } catch (error) {
    if (isMissing(error)) return new Map()
    throw error
  }
}

function fileOf(
  path: string,
  type: string,
  bytes: Buffer,
  content: ReadonlyMap<string, Buffer>,
): PageFile {
  const compressed = new Map<Coding, Representation>()
  for (const [coding, suffix] of CODINGS) {
    const coded = content.get(path + suffix)
    if (coded !== undefined) compressed.set(coding, represent(coded))
  }
  const cacheControl = HASHED.test(path) ? IMMUTABLE : REVALIDATED
  return { path, type, cacheControl, identity: represent(bytes), compressed }
}

function represent(bytes: Buffer): Representation {
  const hash = createHash('sha256').update(bytes).digest('base64url')
  return { bytes: shareBytes(bytes), version: hash.slice(0, 22) }
}

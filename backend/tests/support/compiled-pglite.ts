import { readFile } from 'node:fs/promises'
import { setEnvironmentData } from 'node:worker_threads'

/** Where compiled-worker.ts finds the code. */
export const COMPILED = 'compiled PGlite'

/** Options of PGlite. */
export interface CompiledPglite {
  readonly pgliteWasmModule: object
  readonly initdbWasmModule: object
}

/** TypeScript has its types only beside those of a browser. */
declare const WebAssembly: { compile(code: Uint8Array): Promise<object> }

const WORKER = new URL('compiled-worker.ts', import.meta.url)
const PACKAGE = import.meta.resolve('@electric-sql/pglite')

let compiled: Promise<URL> | undefined

/**
 * Compiles PGlite for all threads of this process: each one would read and validate its 9 MB again, and compile
 * what it runs, which is a quarter of the CPU time that opening a database takes.
 *
 * @returns the program of a thread that uses the code.
 */
export function compilePglite(): Promise<URL> {
  compiled ??= (async () => {
    const code: CompiledPglite = {
      pgliteWasmModule: await compile('pglite.wasm'),
      initdbWasmModule: await compile('initdb.wasm'),
    }
    setEnvironmentData(COMPILED, code)
    return WORKER
  })()
  return compiled
}

async function compile(name: string): Promise<object> {
  return WebAssembly.compile(await readFile(new URL(name, PACKAGE)))
}

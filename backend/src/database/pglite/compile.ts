import { readFile } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'

/** A compiled module. Threads share its code. */
type Module = object
type Imports = Record<string, Record<string, unknown>>
type Export = (...parameters: number[]) => unknown

/** TypeScript has these types only beside those of a browser. */
declare const WebAssembly: {
  readonly Module: {
    new (code: Uint8Array): Module
    imports(module: Module): { module: string; name: string; kind: 'function' | 'memory' }[]
  }
  readonly Memory: new (limits: { initial: number; maximum: number }) => object
  readonly Instance: new (
    module: Module,
    imports: Imports,
  ) => { readonly exports: Record<string, Export> }
}

/** The options of PGlite with which it uses the code. */
export interface PgliteCode {
  readonly pgliteWasmModule: Module
}

const CODE = new URL('pglite.wasm', import.meta.resolve('@electric-sql/pglite'))

/**
 * How much of a function's code is executed, in bytes, before V8 optimizes it. With V8's default, a tenth of it, a start
 * takes longer and more memory.
 */
const OPTIMIZE_AFTER = '--wasm-tiering-budget=130000000'

/**
 * Functions that are never optimized. They are parts of the parser and the planner, which work once for each prepared
 * statement, and V8 takes memory for them: 575 MB for the parser, 10 to 80 MB for each of the others (V8 13.6).
 */
const NEVER_OPTIMIZED = [
  'raw_parser',
  'outNode',
  'copyObjectImpl',
  'nodeRead',
  'standard_ProcessUtility',
  'equal',
  'expression_tree_walker_impl',
  'expression_tree_mutator_impl',
]

/** Optimizes only the function with this number. The number 0 is an import. */
const OPTIMIZE_NONE = '--wasm-tier-up-filter=0'
const OPTIMIZE_ALL = '--wasm-tier-up-filter=-1'

/**
 * The size of WebAssembly's memory in pages of 64 KiB: the least that PGlite's code accepts. V8 reserves address space for the
 * maximum, which a process may have little of (`ulimit -v`).
 */
const PAGES = { initial: 2048, maximum: 2048 }
/** WebAssembly reads it as an unsigned number, near 4 GiB. */
const NO_ADDRESS = -16

let compiled: Promise<PgliteCode> | undefined

/**
 * Compiles PGlite once for all threads of this process (decision 36).
 *
 * @throws {Error} if PGlite does not export the functions, or there is too little memory.
 */
export function compilePglite(): Promise<PgliteCode> {
  compiled ??= compile()
  return compiled
}

/**
 * V8 compiles a function when it is called first, and then decides whether it may be optimized later. So each function that
 * should not be is called once, with an address outside of the memory, at which it ends before it calls another one.
 */
async function compile(): Promise<PgliteCode> {
  setFlagsFromString(OPTIMIZE_AFTER)
  // Not WebAssembly.compile, for which Node does not wait if it has nothing else to do. This takes 25 ms.
  const pgliteWasmModule = new WebAssembly.Module(await readFile(CODE))
  const { exports } = new WebAssembly.Instance(pgliteWasmModule, stubs(pgliteWasmModule))
  exported(exports, '_emscripten_stack_restore')(NO_ADDRESS)
  setFlagsFromString(OPTIMIZE_NONE)
  try {
    for (const name of NEVER_OPTIMIZED) compileBaseline(name, exported(exports, name))
  } finally {
    setFlagsFromString(OPTIMIZE_ALL)
  }
  return { pgliteWasmModule }
}

function exported(exports: Record<string, Export>, name: string): Export {
  const found = exports[name]
  if (found === undefined) throw new Error(`PGlite does not export ${name}`)
  return found
}

function compileBaseline(name: string, call: Export): void {
  try {
    // Different ones, because a function may end before it reads from two equal ones.
    call(...Array.from({ length: call.length }, (_, at) => NO_ADDRESS * (at + 1)))
  } catch (error) {
    if (error instanceof Error && error.name === 'RuntimeError') return
    throw error
  }
  throw new Error(`PGlite's ${name} accepted an address outside of its memory`)
}

/** Imports that suffice to instantiate the module. Nothing calls them. */
function stubs(module: Module): Imports {
  const stubs: Imports = {}
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    const stub = kind === 'memory' ? new WebAssembly.Memory(PAGES) : () => {}
    stubs[from] = { ...stubs[from], [name]: stub }
  }
  return stubs
}

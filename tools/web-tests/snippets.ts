import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'

export interface Snippet {
  /** The file name in its first line. */
  readonly name: string
  readonly source: string
}

/**
 * @returns the code blocks of a document, in its order.
 * @throws {Error} for a block that is not TypeScript with a file name, because nothing would run it.
 */
export function readSnippets(document: URL): Snippet[] {
  const blocks = readFileSync(document, 'utf8').matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)
  return [...blocks].map(([block, language, source = '']) => {
    const [, name] = /^\/\/ ([\w.-]+\.tsx?)\n/.exec(source) ?? []
    if (name?.split('.').at(-1) !== language || name === undefined)
      throw new Error(`Nothing runs this: ${block}`)
    return { name, source }
  })
}

/** @returns the same code as JavaScript, with each character at its place. */
export function toJavaScript({ source }: Snippet): string {
  return stripTypeScriptTypes(source)
}

/** The parts of Vite and Next.js that the client guide uses, for a folder without packages. */
export const PACKAGES = `declare module 'vite' {
  interface Config { server?: { proxy?: Record<string, string> } }
  export function defineConfig(config: Config): Config
}
declare module 'next' {
  export interface NextConfig { rewrites?: () => Promise<{ source: string; destination: string }[]> }
}
`

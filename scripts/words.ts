/**
 * Finds the words that docs/glossary.md says to avoid, in the documents and in the comments of the code, with
 * file and line.
 */

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { argumentsOf } from './arguments.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md']
const GUIDES = ['docs/**/*.md', 'specs/**/*.md', 'client/README.md']
/** The programs whose comments are checked. */
const SOURCES = [
  'backend/src/**/*.ts',
  '{client,web}/src/**/*.{ts,tsx}',
  'tools/**/*.ts',
  'scripts/*.{ts,mjs}',
]
const OPENAPI = 'specs/001-backend-spec-manager/contracts/openapi.json'

export interface Finding {
  /** 1-based. */
  readonly line: number
  readonly words: string
}

/** @returns the words in the columns "avoid" of a glossary. */
export function wordsToAvoid(glossary: string): string[] {
  let column = -1
  return glossary.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim())
    if (cells.length < 3) column = -1
    else if (column < 0) column = cells.indexOf('avoid')
    return [...(cells[column] ?? '').matchAll(/`([^`]+)`/g)].map(([, words]) => String(words))
  })
}

/** @returns where a Markdown text contains one of the words, outside of code. */
export function findWords(text: string, avoided: readonly string[]): Finding[] {
  const blank = (code: string) => code.replace(/[^\n]/g, ' ')
  const prose = text
    .replace(/^ *```[\s\S]*?^ *```$/gm, blank)
    .replace(/<!--[\s\S]*?-->/g, blank)
    .replace(/`[^`]+`/g, (code) => code.replace(/[^\n]/g, '\u00b7'))
    .replace(/(?<=\]\()[^)\s]+/g, blank)
  const phrases = avoided.map((words) => words.split(' ').join('[\\s>*]+'))
  const patterns = [
    new RegExp(`(?<![\\w-])(?:${phrases.join('|')})(?![\\w-])`, 'gi'),
    // A sentence that begins with What or Who and is not a question hides its subject.
    /(?<=^[-#*>\d. ]*|[.!?:] +)(?:What|Who|Whose|Whatever)\b(?=[^.?!]*(?:[.!]|\n\n|\n*$))/gm,
    /(?<=@(?:returns|param \w+|throws(?: \{\w+\})?) )(?:what|who|whose|whatever)\b/g,
  ]
  const found = patterns.flatMap((pattern) => [...prose.matchAll(pattern)])
  return found
    .map(({ 0: words, index }) => ({ line: prose.slice(0, index).split('\n').length, words }))
    .sort((one, other) => one.line - other.line)
}

/**
 * @param source TypeScript.
 * @returns the prose of its comments, each on the lines that it has in the source. All other lines are
 *   empty, so that each comment is a paragraph.
 */
export function commentsOf(source: string): string {
  let inBlock = false
  const lines = source.split('\n').map((line) => {
    const [, opening, block] = /^\s*(\/\*\*?)(.*)/.exec(line) ?? []
    const text = inBlock ? line.replace(/^\s*\*(?!\/)/, '') : block
    if (text === undefined) return /(?:^|\s)\/\/ (.*)/.exec(line)?.[1] ?? ''
    inBlock = (inBlock || opening !== undefined) && !text.includes('*/')
    return text.replace(/\*\/.*/, '')
  })
  return lines.map((line) => line.trim()).join('\n')
}

/** The part of a document that is checked: of the change log, its newest section. */
function readDocument(path: string): string {
  const text = readFileSync(join(ROOT, path), 'utf8')
  if (path === OPENAPI) return texts(JSON.parse(text))
  return path === 'CHANGELOG.md'
    ? text
        .split(/^(?=## )/m)
        .slice(0, 2)
        .join('')
    : text
}

function texts(part: unknown): string {
  if (typeof part !== 'object' || part === null) return ''
  return Object.entries(part)
    .map(([name, value]) =>
      /^(summary|description)$/.test(name) && typeof value === 'string'
        ? `${value}\n\n`
        : texts(value),
    )
    .join('')
}

if (import.meta.main) {
  argumentsOf({ usage: 'Usage: npm run check:words' })
  const avoided = wordsToAvoid(readFileSync(join(ROOT, 'docs/glossary.md'), 'utf8'))
  const paths = [...DOCUMENTS, ...globSync(GUIDES, { cwd: ROOT }).sort(), OPENAPI]
  const documents = paths.map((path) => [path, readDocument(path)] as const)
  const sources = globSync(SOURCES, { cwd: ROOT, exclude: ['**/node_modules'] }).sort()
  const comments = sources.map(
    (path) => [path, commentsOf(readFileSync(join(ROOT, path), 'utf8'))] as const,
  )
  const complaints = [...documents, ...comments].flatMap(([path, text]) => {
    const findings = findWords(text, avoided)
    return findings.map(({ line, words }) => `${path}:${line}: ${words.replace(/\s+/g, ' ')}`)
  })
  if (complaints.length > 0) {
    console.error(complaints.join('\n'))
    console.error('docs/glossary.md says which words to write instead.')
    process.exit(1)
  }
}

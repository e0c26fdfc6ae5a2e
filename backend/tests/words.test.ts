import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { commentsOf, findWords, wordsToAvoid } from '../../scripts/words.ts'
import { runProgram } from './support/process.ts'

const ROOT = new URL('../../', import.meta.url)
const avoided = wordsToAvoid(readFileSync(new URL('docs/glossary.md', ROOT), 'utf8'))
const found = (text: string) =>
  findWords(text, avoided).map(({ line, words }) => `${line} ${words}`)

describe('the words to avoid', () => {
  it('are those of both tables of the glossary', () => {
    assert.ok(avoided.length > 30)
    for (const words of ['anew', 'in the box', 'the answer']) assert.ok(avoided.includes(words))
  })

  it('are found in any letter case, in a table, and across lines', () => {
    assert.deepEqual(found('A task.\nMade Anew\n'), ['2 Anew'])
    assert.deepEqual(found('The accounts in\nthe box\n'), ['1 in\nthe box'])
    assert.deepEqual(found('| a | b |\n|---|---|\n| told | c |\n'), ['3 told'])
  })

  it('are not found in code, in links, or within other words', () => {
    const text = 'See [it](docs/anew.md), `told`, the farawayland.\n\n```sh\necho away\n```\n'
    assert.deepEqual(found(text), [])
  })

  it('include What and Who at the begin of a sentence that is no question', () => {
    assert.deepEqual(found('It runs. What is left is deleted.'), ['1 What'])
    assert.deepEqual(found('Whoever asks is counted.'), ['1 Whoever'])
    assert.deepEqual(found('## What it is\n'), ['1 What'])
    assert.deepEqual(found('What is it? It does what\nWhat is'), ['2 What'])
    assert.deepEqual(found('Who asks, and what for?\nSays what it is.'), [])
  })

  it('are found in comments, at their lines in the source', () => {
    const source = [
      "const told = 'whoever' // made anew",
      '/** Removed. Whatever remains',
      ' * is away. */',
      "const url = 'http://away'",
      '  /**',
      '   * @returns what is left.',
      '   * @throws {AppError} whoever asks. */',
      'const away = told * 2 // Who asks, and what for?',
    ].join('\n')
    const comments = commentsOf(source)
    assert.equal(comments.split('\n').length, source.split('\n').length)
    assert.deepEqual(found(comments), ['1 anew', '2 Whatever', '3 away', '6 what', '7 whoever'])
  })

  it('do not occur in the documents or in comments', async () => {
    const { stderr } = await runProgram(process.execPath, ['scripts/words.ts'], { cwd: ROOT })
    assert.equal(stderr, '')
  })
})

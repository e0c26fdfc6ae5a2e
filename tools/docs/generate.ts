/**
 * Writes the generated documents, or checks that they are current.
 *
 * Usage: node tools/docs/generate.ts [--check]
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { DATA_MODEL, updateDataModel } from './data-model.ts'
import { documents } from './documents.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const model = readFileSync(new URL(`../../${DATA_MODEL}`, import.meta.url), 'utf8')
const all = { ...documents(), [DATA_MODEL]: await updateDataModel(model) }
const stale = Object.entries(all).filter(([path, text]) => {
  const file = new URL(`../../${path}`, import.meta.url)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return false
  if (!values.check) writeFileSync(file, text)
  return true
})
for (const [path] of stale) {
  console.log(values.check ? `${path} is not current: run npm run docs` : `${path} written`)
}
process.exit(values.check && stale.length > 0 ? 1 : 0)

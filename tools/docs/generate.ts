/**
 * Writes the generated documents, or checks that they are current.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { argumentsOf } from '../../scripts/arguments.ts'
import { DATA_MODEL, updateDataModel } from './data-model.ts'
import { documents } from './documents.ts'

const usage = 'Usage: npm run docs [-- --check]'
const isCheck = argumentsOf({ usage, flags: ['check'] }).flags.has('check')
const model = readFileSync(new URL(`../../${DATA_MODEL}`, import.meta.url), 'utf8')
const all = { ...documents(), [DATA_MODEL]: await updateDataModel(model) }
const stale = Object.entries(all).filter(([path, text]) => {
  const file = new URL(`../../${path}`, import.meta.url)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return false
  if (!isCheck) writeFileSync(file, text)
  return true
})
for (const [path] of stale) {
  console.log(isCheck ? `${path} is not current: run npm run docs` : `${path} written`)
}
process.exit(isCheck && stale.length > 0 ? 1 : 0)

import type { Ajv, SchemaValidateFunction } from 'ajv'
import { isCalendarDay } from '../../core/calendar.ts'
import { caseless } from '../../core/caseless.ts'
import { LIMITS } from '../../core/limits.ts'
import { isTimeZone } from '../../core/time-zones.ts'

/** The schema of `x-distinct`. */
interface Distinct {
  /** The most texts of the list. */
  readonly most: number
  /** The most characters of a text. */
  readonly characters: number
}

/** The schema of `x-needs`: the members that need another one. */
interface Needs {
  readonly members: Readonly<Record<string, string>>
  /** Whether an absent member counts as null. Otherwise the row may have it. */
  readonly absentIsNull: boolean
}

interface Place {
  readonly parentData: object
  readonly parentDataProperty: string | number
  readonly instancePath: string
}

/** An error of a part of the value, which ajv completes. It may stand for `further` ones, which are not named. */
const fault = (keyword: string, instancePath: string, message: string) => ({
  keyword,
  instancePath,
  message,
  params: { further: 0 },
})

const textFault = (text: unknown, { characters }: Distinct): string | undefined => {
  if (typeof text !== 'string') return 'must be a string'
  if (!text.isWellFormed()) return 'must be well-formed Unicode'
  const { length } = [...text]
  if (length < 1 || length > characters) return `must be 1 to ${characters} characters`
  if (/[\p{Cc},]/u.test(text)) return 'must have no comma and no control characters'
  return undefined
}

const checkDistinct: SchemaValidateFunction = (
  distinct: Distinct,
  list: unknown[],
  _schema: unknown,
  at?: Place,
) => {
  const path = at?.instancePath ?? ''
  const kept = new Map<string, unknown>()
  const errors: ReturnType<typeof fault>[] = []
  for (const [index, given] of list.entries()) {
    const text = typeof given === 'string' ? given.trim().normalize('NFC') : given
    const message = textFault(text, distinct)
    const last = errors[LIMITS.faultsNamed - 1]
    if (message === undefined) keepFirst(kept, caseless(String(text)), text)
    else if (last !== undefined) last.params.further += 1
    else errors.push(fault('x-distinct', `${path}/${index}`, message))
  }
  if (kept.size > distinct.most && errors.length === 0) {
    const message = `must have at most ${distinct.most} items that differ in more than letter case`
    errors.push(fault('x-distinct', path, message))
  }
  checkDistinct.errors = errors
  const isValid = errors.length === 0
  // After a fault the list is empty, so that the schema of the items does not report it again.
  const value = isValid ? [...kept.values()] : []
  if (at) Object.assign(at.parentData, { [at.parentDataProperty]: value })
  return isValid
}

function keepFirst(kept: Map<string, unknown>, key: string, text: unknown): void {
  if (!kept.has(key)) kept.set(key, text)
}

const checkNeeds: SchemaValidateFunction = (
  { members, absentIsNull }: Needs,
  value: Record<string, unknown>,
  _schema: unknown,
  at?: Place,
) => {
  const isNull = (name: string) => (absentIsNull ? (value[name] ?? null) : value[name]) === null
  checkNeeds.errors = Object.entries(members)
    .filter(([name, needed]) => (value[name] ?? null) !== null && isNull(needed))
    .map(([name, needed]) =>
      fault('x-needs', `${at?.instancePath ?? ''}/${name}`, needsMessage(needed)),
    )
  return checkNeeds.errors.length === 0
}

const needsMessage = (needed: string) => `must be null if ${needed} is null`

const checkOneOf: SchemaValidateFunction = (
  names: readonly string[],
  value: object,
  _schema: unknown,
  at?: Place,
) => {
  const message = `must have exactly one of ${names.join(', ')}`
  checkOneOf.errors = [fault('x-one-of', at?.instancePath ?? '', message)]
  return names.filter((name) => name in value).length === 1
}

/**
 * Adds the formats and keywords of members that are more than text and numbers:
 *
 * - The formats `date`, a day of the calendar, and `time-zone`, a name of a time zone.
 * - `x-distinct`, for a list of texts: removes white space around each, brings it to the Unicode form NFC, and
 *   removes those that differ from an earlier one only in letter case. Then it counts them.
 * - `x-one-of`, for an object that has exactly one of these members.
 * - `x-needs`, for an object: a member may be other than null only if another one is.
 */
export function addMemberKeywords(ajv: Ajv): void {
  ajv.addFormat('date', isCalendarDay).addFormat('time-zone', isTimeZone)
  ajv.addKeyword({
    keyword: 'x-distinct',
    type: 'array',
    schemaType: 'object',
    modifying: true,
    before: 'items',
    errors: 'full',
    validate: checkDistinct,
  })
  ajv.addKeyword({
    keyword: 'x-one-of',
    type: 'object',
    schemaType: 'array',
    errors: 'full',
    validate: checkOneOf,
  })
  ajv.addKeyword({
    keyword: 'x-needs',
    type: 'object',
    schemaType: 'object',
    errors: 'full',
    validate: checkNeeds,
  })
}

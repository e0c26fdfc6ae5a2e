import type { FuncKeywordDefinition, SchemaValidateFunction } from 'ajv'
import { isCalendarDay } from '../../core/calendar.ts'
import { comes } from '../../core/recurrence/next-occurrence.ts'
import { parseRule } from '../../core/recurrence/rule.ts'

/** A first day for rules of which the request does not say it. */
const ANY_DAY = '2024-01-01'

const checkRecurs: SchemaValidateFunction = (
  _recurs: boolean,
  { recurrence, due_date: due }: Record<string, unknown>,
  _schema: unknown,
  at?: { readonly instancePath: string },
) => {
  const text: unknown = Reflect.get(Object(recurrence), 'rule')
  const message = typeof text === 'string' ? ruleFault(text, due) : undefined
  const instancePath = `${at?.instancePath ?? ''}/recurrence/rule`
  checkRecurs.errors =
    message === undefined ? [] : [{ keyword: 'x-recurs', instancePath, message, params: {} }]
  return message === undefined
}

function ruleFault(text: string, due: unknown): string | undefined {
  const parsed = parseRule(text)
  if (parsed.outcome === 'refused') return parsed.reason
  const { rule } = parsed
  const hasDates =
    typeof due === 'string' && isCalendarDay(due)
      ? comes(rule, due)
      : // Without the first date, a rule is refused that has no date whatever its interval counts from.
        comes({ ...rule, interval: 1 }, ANY_DAY)
  return hasDates ? undefined : 'must have a date'
}

/** The keyword of schemas of a task, whose recurrence rule must have a date. */
export const RECURS: FuncKeywordDefinition = {
  keyword: 'x-recurs',
  type: 'object',
  schemaType: 'boolean',
  errors: 'full',
  validate: checkRecurs,
}

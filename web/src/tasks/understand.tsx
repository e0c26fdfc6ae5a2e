import { useEffect, useMemo, useState } from 'react'
import type { Day } from '../dates/day.ts'
import { isDayFirst } from '../dates/name-day.ts'
import type { Chip, QuickAdd } from '../quick-add/parse-quick-add.ts'
import { LOCALE, strings } from '../strings.ts'
import { Button } from '../ui/button.tsx'
import { CalendarIcon, ClockIcon, CloseIcon, FlagIcon, RepeatIcon, TagIcon } from '../ui/icons.tsx'
import styles from './add-task.module.css'
import { sayDay, sayTime } from './days.ts'
import { sayRecurrence } from './say-recurrence.ts'
import { useToday, zoneHere } from './today.ts'

const DAY_FIRST = isDayFirst(LOCALE)

type Parse = typeof import('../quick-add/parse-quick-add.ts').parseQuickAdd

/** The parser knows dates in words and is loaded when someone begins to write. */
async function load(): Promise<Parse> {
  return (await import('../quick-add/parse-quick-add.ts')).parseQuickAdd
}

function parseWith(parse: Parse, text: string, ignored: ReadonlySet<string>): QuickAdd {
  return parse(text, { now: new Date(), timeZone: zoneHere(), dayFirst: DAY_FIRST, ignored })
}

/** @returns the meaning of a text as a new task, with a function that waits until the parser is loaded. */
export function useUnderstood(text: string, ignored: ReadonlySet<string>) {
  const [parse, setParse] = useState<{ readonly run: Parse } | null>(null)
  const isEmpty = text === ''

  useEffect(() => {
    if (isEmpty || parse !== null) return
    // Without connection and without the file in the cache, the text is the title.
    load().then(
      (run) => setParse({ run }),
      () => {},
    )
  }, [isEmpty, parse])

  const chips = useMemo(
    () => (parse === null ? [] : parseWith(parse.run, text, ignored).chips),
    [parse, text, ignored],
  )

  async function read(): Promise<QuickAdd> {
    try {
      return parseWith(parse?.run ?? (await load()), text, ignored)
    } catch {
      const title = text.trim()
      return { title, chips: [], task: { title } }
    }
  }
  return { chips, read }
}

interface ChipsProps {
  readonly chips: readonly Chip[]
  onKeepAsText(chip: Chip): void
}

/** The parts that were understood, each with a button that makes it text again. */
export function Chips({ chips, onKeepAsText }: ChipsProps) {
  const today = useToday()
  if (chips.length === 0) return null
  return (
    <ul className={styles.chips} aria-label={strings.add.understood}>
      {chips.map((chip) => (
        <li key={`${chip.key} ${chip.start}`} className={styles.chip} data-kind={chip.kind}>
          {pictureOf(chip)}
          {labelOf(chip, today)}
          <Button
            look="chip"
            aria-label={strings.add.asText(chip.text)}
            onPress={() => onKeepAsText(chip)}
          >
            <CloseIcon size={14} />
          </Button>
        </li>
      ))}
    </ul>
  )
}

function pictureOf({ kind }: Chip) {
  if (kind === 'date') return <CalendarIcon size={14} />
  if (kind === 'time') return <ClockIcon size={14} />
  if (kind === 'recurrence') return <RepeatIcon size={14} />
  return kind === 'tag' ? <TagIcon size={14} /> : <FlagIcon size={14} />
}

function labelOf(chip: Chip, today: Day): string {
  if (chip.kind === 'date') return sayDay(chip.date, today)
  if (chip.kind === 'tag') return chip.tag
  if (chip.kind === 'priority') return strings.priorities[chip.priority]
  if (chip.kind === 'time') {
    const time = sayTime(chip.time)
    return chip.date === undefined ? time : `${sayDay(chip.date, today)} ${time}`
  }
  if (chip.rule === undefined) return chip.text
  return sayRecurrence({ rule: chip.rule, from: chip.from ?? 'due' })
}

/** The members of a task that a client sets and the server stores as they are. */
export interface Values {
  readonly title: string
  readonly description: string | null
  readonly completed: boolean
  readonly priority: string
  readonly tags: readonly string[]
  readonly due_date: string | null
  readonly due_time: string | null
  readonly due_zone: string | null
  readonly recurrence: Recurrence | null
}

export interface Recurrence {
  readonly rule: string
  readonly from: 'due' | 'completion'
}

/** A task as a response shows it, also one in the trash. */
export interface Seen extends Values {
  readonly id: string
  readonly user_id: string
  readonly completed_at: string | null
  readonly due_at: string | null
  readonly series_id: string | null
  readonly parent_id: string | null
  readonly position: string
  readonly created_at: string
  readonly updated_at: string
  readonly deleted_at?: string
}

/** A task of the model. Its values are those that the contract gives it, and `seen` those that the server showed last. */
export interface Item extends Values {
  /** The model's own name for it. */
  readonly key: number
  /** Unknown while only the server knows it. */
  readonly id: string | undefined
  readonly where: 'list' | 'trash' | 'gone'
  readonly parent: number | undefined
  /** Undefined where the server chooses it. */
  readonly position: string | undefined
  readonly series: number | undefined
  /** The due date of the occurrence that got the rule, and the date that the rule gave to this one. */
  readonly start: string | null
  readonly date: string | null
  readonly number: number
  /** The occurrence that its completion made; `none` if there was none to make. */
  readonly next: number | 'none' | undefined
  /** Whether it was changed since it was created. */
  readonly touched: boolean
  /** Whether the server has to give it a new version, or a new time of completion, since it was seen. */
  readonly changed: boolean
  readonly completedNow: boolean
  /** How many versions it got since it was seen. Each is a millisecond later than the last. */
  readonly versions: number
  /** When it was created and deleted: the server's time, or the transaction of the model until it is known. */
  readonly born: string
  readonly deleted: string | undefined
  readonly seen: Seen | undefined
}

/** All tasks of a user, by their keys. */
export interface State {
  readonly items: ReadonlyMap<number, Item>
  /** The number of keys that were given, to tasks and to series. */
  readonly keys: number
  /** The ids of the series that were seen. */
  readonly seriesIds: ReadonlyMap<number, string>
}

export const EMPTY_STATE: State = { items: new Map(), keys: 0, seriesIds: new Map() }

export const itemsOf = ({ items }: State, where: Item['where']): Item[] =>
  [...items.values()].filter((item) => item.where === where)

/** A batch that makes a next occurrence, deletes it and makes another tells the id of the last one only. */
export function withId({ items }: State, id: string): Item | undefined {
  const found = [...items.values()].filter((item) => item.id === id.toLowerCase())
  return found.find(({ where }) => where !== 'gone') ?? found[0]
}

export const childrenOf = ({ items }: State, { key }: Item): Item[] =>
  [...items.values()].filter(({ parent }) => parent === key)

export function withItems(state: State, ...changed: readonly Item[]): State {
  const items = new Map(state.items)
  for (const item of changed) items.set(item.key, item)
  const keys = Math.max(state.keys, ...changed.map(({ key }) => key))
  return { ...state, items, keys }
}

/** The order of the list by position. */
export function ordered<Placed extends { position?: string | undefined; id?: string | undefined }>(
  items: readonly Placed[],
): Placed[] {
  const rank = ({ position = '', id = '' }: Placed) => `${position}\0${id}`
  return [...items].sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
}

/** An operation as a batch has it, and two that only requests do. Ids may be those of any task or of none. */
export type Operation =
  | { readonly op: 'create'; readonly task: Written & { readonly id?: string } }
  | {
      readonly op: 'update'
      readonly id: string
      readonly task: Written
      readonly if_match?: string
    }
  | {
      readonly op: 'complete'
      readonly id: string
      readonly completed?: boolean
      readonly if_match?: string
    }
  | { readonly op: 'delete'; readonly id: string; readonly if_match?: string }
  | { readonly op: 'restore' | 'purge'; readonly id: string }
  | ({ readonly op: 'move'; readonly id: string; readonly if_match?: string } & Place)
  | { readonly op: 'empty' }

export interface Place {
  readonly before?: string
  readonly after?: string
  readonly to?: 'top' | 'bottom'
}

/** The members of a body. */
export type Written = Partial<Values> & {
  readonly parent_id?: string | null
  readonly position?: string
}

import { createContext, type RefObject, useContext } from 'react'
import type { Commands } from './commands.ts'

export const ListContext = createContext<RefObject<Commands> | null>(null)

/** @returns the commands of the list around a row. The ref stays the same, so that rows need not render again. */
export function useCommands(): RefObject<Commands> {
  const commands = useContext(ListContext)
  if (commands === null) throw new Error('There is no list around this row')
  return commands
}

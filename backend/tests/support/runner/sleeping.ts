import { closeSync, openSync } from 'node:fs'
import { startProcess } from '../started.ts'

/** Starts a program that holds the pipe of `HELD` open until it ends. @returns its process id. */
export function startSleeping(command: string, ...parameters: string[]): number | undefined {
  const { HELD } = process.env
  if (HELD === undefined) return startProcess(command, parameters, { stdio: 'ignore' }).pid
  const held = openSync(HELD, 'w')
  const { pid } = startProcess(command, parameters, { stdio: ['ignore', 'ignore', 'ignore', held] })
  closeSync(held)
  return pid
}

import {
  type Accepted,
  type Arguments,
  readArguments,
  UsageError,
} from '../backend/src/core/arguments.ts'

/** Reads the arguments of a program for developers. Wrong ones end it with one line and exit code 1. */
export function argumentsOf(accepted: Accepted): Arguments {
  try {
    return readArguments(accepted)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(error.message)
    process.exit(1)
  }
}

/** @returns the value of an option as a number. A value that is not a number from `least` ends the program in the same way. */
export function numberOf({ texts }: Arguments, name: string, fallback: number, least = 1): number {
  const text = texts.get(name)
  const number = text === undefined ? fallback : Number(text)
  if (number >= least) return number
  console.error(`--${name} takes a number from ${least}`)
  process.exit(1)
}

import { Readable, Writable } from 'node:stream'
import { Accounts } from '../../src/accounts/accounts.ts'
import { actionOf, failureOf } from '../../src/commands/user-actions.ts'
import type { TestApp } from './app.ts'
import type { Run } from './process.ts'

/**
 * Runs `npm run user` without a process of its own: on the server's database, with accounts beside those of the
 * server, as a process has them, and with passwords at the server's cost.
 *
 * @param input is read from standard input.
 */
export async function runUser(
  { config, app, passwords, test }: Pick<TestApp, 'config' | 'app' | 'passwords' | 'test'>,
  parameters: readonly string[],
  input: string | Buffer = '',
): Promise<Run> {
  const { accounts: settings } = config
  if (settings === null) throw new Error('the server has no accounts')
  const { connector } = test
  const accounts = new Accounts({ config, settings, connector, log: app.log, passwords })
  const [stdout, stderr] = [new Written(), new Written()]
  const written = (code: number) => ({ code, stdout: stdout.text, stderr: stderr.text })
  try {
    const [action, given] = actionOf(parameters)
    const terminal = { stdin: Readable.from([Buffer.from(input)]), stdout, stderr }
    await action.act({ accounts, connector, terminal }, given)
    return written(0)
  } catch (error) {
    const { reason, code } = failureOf(error)
    stderr.write(`${reason instanceof Error ? reason.message : reason}\n`)
    return written(code)
  } finally {
    await accounts.close()
  }
}

class Written extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    done()
  }
}

import type { Config } from '../core/config/config.ts'
import { signToken } from '../core/token.ts'

const JSON_BODY = `-H 'Content-Type: application/json'`
const AUTHORIZED = `-H "Authorization: Bearer $TOKEN"`
/** A shell command that extracts a member from JSON in which the name occurs once. */
const pick = (name: string) => `sed 's/.*"${name}":"\\([^"]*\\)".*/\\1/'`

/** @returns shell commands that create a first task, through an account if anyone can sign up. */
export async function firstSteps(config: Config, address: string): Promise<string[]> {
  const { accounts } = config
  if (accounts === null || !accounts.signUp || accounts.requireEmailVerification) {
    return withToken(config, address)
  }
  const auth = `${address}/api/auth`
  const person = '"email":"alice@example.com","password":"correct horse battery"'
  const session = `-H "Authorization: Bearer $SESSION"`
  return [
    'To create the first task, sign up (the next time, sign in), get a token that is valid for 15 minutes, and use it:',
    '',
    `  SESSION=$(curl -s ${auth}/sign-up/email ${JSON_BODY} -d '{"name":"Alice",${person}}' | ${pick('token')})`,
    `  SESSION=$(curl -s ${auth}/sign-in/email ${JSON_BODY} -d '{${person}}' | ${pick('token')})`,
    `  TOKEN=$(curl -s ${auth}/token ${session} | ${pick('token')})`,
    `  TASKS=${address}/api/$(curl -s ${auth}/get-session ${session} | ${pick('userId')})/tasks`,
    `  curl $TASKS ${AUTHORIZED} ${JSON_BODY} -d '{"title":"Buy milk"}'`,
    `  curl $TASKS ${AUTHORIZED}`,
  ]
}

async function withToken(config: Config, address: string): Promise<string[]> {
  // A token signed with the operator's secret must not be printed, so the command signs it.
  const token = config.secretIsLocal
    ? await signToken(config, 'alice')
    : '$(npm run -s token -- alice)'
  return [
    'To create the first task (the token is valid for 15 minutes; npm run token -- alice signs another):',
    '',
    `  TOKEN=${token}`,
    `  curl ${address}/api/alice/tasks ${AUTHORIZED} ${JSON_BODY} -d '{"title":"Buy milk"}'`,
    `  curl ${address}/api/alice/tasks ${AUTHORIZED}`,
  ]
}

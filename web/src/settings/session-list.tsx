import type { Session } from '@todo-backend/client/accounts'
import { useCallback, useEffect, useState } from 'react'
import { say } from '../session/say-error.ts'
import { useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import { dayOfInstant, sayDay } from '../tasks/days.ts'
import { useToday } from '../tasks/today.ts'
import { Button } from '../ui/button.tsx'
import styles from './settings.module.css'

const texts = strings.settings

/** The sessions of the account, each with a button that ends it. */
export function SessionList() {
  const { accounts, announcer } = useWorkspace()
  const today = useToday()
  const [own, setOwn] = useState<string | null>(null)
  const [sessions, setSessions] = useState<readonly Session[]>([])
  const [error, setError] = useState<string | null>(null)

  const load = useCallback(async () => {
    try {
      const [present, all] = await Promise.all([accounts.session(), accounts.sessions()])
      setOwn(present?.session.id ?? null)
      setSessions(all)
      setError(null)
    } catch (reason) {
      setError(say(reason))
    }
  }, [accounts])
  useEffect(() => void load(), [load])

  async function end(request: Promise<void>): Promise<void> {
    try {
      await request
      await load()
    } catch (reason) {
      announcer.announce(say(reason), false)
    }
  }

  return (
    <section className={styles.section}>
      <h2>{texts.sessions}</h2>
      <p className={styles.hint}>{error ?? texts.sessionsHint}</p>
      <ul className={styles.list}>
        {sessions.map((session) => (
          <li key={session.id} className={styles.item}>
            <span>
              {deviceOf(session.userAgent)}
              {session.id === own && <strong className={styles.badge}>{texts.thisDevice}</strong>}
              <span className={styles.hint}>
                {[texts.since(sayDay(dayOfInstant(session.createdAt), today)), session.ipAddress]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </span>
            {session.id !== own && (
              <Button
                look="outlined"
                aria-label={texts.endThis(deviceOf(session.userAgent))}
                onPress={() => void end(accounts.endSession(session.token))}
              >
                {texts.end}
              </Button>
            )}
          </li>
        ))}
      </ul>
      {sessions.length > 1 && (
        <div>
          <Button look="outlined" onPress={() => void end(accounts.endOtherSessions())}>
            {texts.endOthers}
          </Button>
        </div>
      )}
    </section>
  )
}

const BROWSERS = [
  ['Edg/', 'Edge'],
  ['OPR/', 'Opera'],
  ['Firefox/', 'Firefox'],
  ['Chrome/', 'Chrome'],
  ['Safari/', 'Safari'],
] as const
const SYSTEMS = [
  ['Android', 'Android'],
  ['iPhone', 'iOS'],
  ['iPad', 'iPadOS'],
  ['Windows', 'Windows'],
  ['Mac OS', 'macOS'],
  ['Linux', 'Linux'],
] as const

/** @returns the browser and the system that a `User-Agent` names, roughly. */
function deviceOf(userAgent: string | null): string {
  const find = (known: readonly (readonly [string, string])[]) =>
    known.find(([mark]) => userAgent?.includes(mark))?.[1]
  const [browser, system] = [find(BROWSERS), find(SYSTEMS)]
  if (browser !== undefined && system !== undefined) return texts.device(browser, system)
  return browser ?? userAgent?.slice(0, 40) ?? texts.unknownDevice
}

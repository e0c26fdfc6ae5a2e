import { useState } from 'react'
import { KeyList } from '../shell/key-list.tsx'
import { preferences } from '../shell/preferences.ts'
import { BASE } from '../shell/routes.ts'
import { useTasks, useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { LocalTask } from '../sync/types.ts'
import { ViewHead } from '../tasks/view-head.tsx'
import { Button } from '../ui/button.tsx'
import { useObservable } from '../ui/value.ts'
import { DeleteAccount, EmailForm, NameForm, PasswordForm } from './account-forms.tsx'
import { SessionList } from './session-list.tsx'
import styles from './settings.module.css'

const texts = strings.settings
const THEMES = ['system', 'light', 'dark'] as const

export function Settings() {
  return (
    <>
      <ViewHead title={strings.views.settings} />
      <div className={styles.sections}>
        <NameForm />
        <Appearance />
        <Keyboard />
        <Export />
        <PasswordForm />
        <EmailForm />
        <SessionList />
        <DeleteAccount />
        <About />
      </div>
    </>
  )
}

function Appearance() {
  const chosen = useObservable(preferences)
  return (
    <fieldset className={styles.section}>
      <legend>{texts.appearance}</legend>
      <div className={styles.choices}>
        {THEMES.map((theme) => (
          <label key={theme} className={styles.choice}>
            <input
              type="radio"
              name="theme"
              checked={chosen.theme === theme}
              onChange={() => preferences.set({ ...chosen, theme })}
            />
            {texts.themes[theme]}
          </label>
        ))}
      </div>
    </fieldset>
  )
}

function Keyboard() {
  const chosen = useObservable(preferences)
  const [isShown, setShown] = useState(false)
  return (
    <section className={styles.section}>
      <h2>{texts.keys}</h2>
      <label className={styles.choice}>
        <input
          type="checkbox"
          checked={chosen.singleKeys}
          aria-describedby="single-keys-hint"
          onChange={({ target }) => preferences.set({ ...chosen, singleKeys: target.checked })}
        />
        {texts.singleKeys}
      </label>
      <p id="single-keys-hint" className={styles.hint}>
        {texts.singleKeysHint}
      </p>
      <div>
        <Button look="outlined" onPress={() => setShown(true)}>
          {texts.showKeys}
        </Button>
      </div>
      {isShown && <KeyList onClose={() => setShown(false)} />}
    </section>
  )
}

function Export() {
  const { user } = useWorkspace()
  const tasks = useTasks()

  function save(): void {
    const all = [...tasks.values()].map(asExported)
    const blob = new Blob([JSON.stringify({ user: user.email, tasks: all }, null, 2)], {
      type: 'application/json',
    })
    const link = document.createElement('a')
    link.href = URL.createObjectURL(blob)
    link.download = 'tasks.json'
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
  }

  return (
    <section className={styles.section}>
      <h2>{texts.export}</h2>
      <p className={styles.hint}>{texts.exportHint}</p>
      <div>
        <Button look="outlined" onPress={save}>
          {texts.exportButton}
        </Button>
      </div>
    </section>
  )
}

/** A task as the server has it, without what only this device knows. */
function asExported({ saved: _, ...task }: LocalTask): Omit<LocalTask, 'saved'> {
  return task
}

function About() {
  return (
    <section className={styles.section}>
      <h2>{texts.about}</h2>
      <p className={styles.hint}>{texts.aboutText}</p>
      <p>
        <a href={`${BASE}/docs`}>{texts.api}</a>
      </p>
    </section>
  )
}

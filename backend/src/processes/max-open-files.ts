/** The members of Node's diagnostic report that this file reads. The system may have no limit. */
interface Report {
  readonly userLimits?: { readonly open_files?: { readonly soft: number | 'unlimited' } }
}

/** @returns how many files this process may open at once: `Infinity` without a limit, or where it is unknown. */
export function maxOpenFiles(): number {
  // Otherwise the report asks DNS for the name of each address that this process is connected to.
  const report = Object.assign(process.report, { excludeNetwork: true })
  const { userLimits } = report.getReport() as Report
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY
}

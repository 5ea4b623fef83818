/** What one virtual CPU would have used had it never had to wait, in cores (0 to 1), from the shares of a span in which it ran and in which it was ready to run
 *  and had to wait (the host's CPU ready time, the guest's steal). Who slept half of the rest of the time would have slept half of the time that he waited;
 *  only who never sleeps wanted all of it. To count waiting in full makes a host look the fuller the more often its guests wake at the same moment.
 *  Formula of VMware's DRS: used + ready x run / (run + sleep) (Gulati, Holler, Ji, Shanmuganathan, Waldspurger and Zhu, "VMware Distributed Resource
 *  Management: Design, Implementation, and Lessons Learned", VMware Technical Journal 1(1), 2012). */
export function cpuDemand({ ran, waited }: { readonly ran: number; readonly waited: number }): number {
  const unhindered = Math.max(0, 1 - waited)
  // Two counters are not read at the same instant: together they may come to a little more than the span.
  if (ran >= unhindered) return Math.min(1, ran + waited)
  return ran + (waited * ran) / unhindered
}

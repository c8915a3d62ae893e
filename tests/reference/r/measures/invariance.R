# Reference values of the ladder of invariance over waves. Run: Rscript invariance.R
# R 4.2.2, lavaan 0.6-14.
suppressMessages(library(lavaan))
items <- read.csv("items.csv")
scales <- list(a = paste0("a", 1:4), b = paste0("b", 1:4), c = paste0("c", 1:4), d = paste0("d", 1:3))
freed <- list(b = c("factor =~ b3", "b3 ~ 1"), c = "c2 ~ 1")
out <- data.frame()
add <- function(estimator, scale, step, quantity, value)
  out <<- rbind(out, data.frame(estimator, scale, step, quantity, value = sprintf("%.15g", value)))
steps <- list(configural = "", metric = "loadings", scalar = c("loadings", "intercepts"))
for (estimator in c("ML", "MLR")) for (s in names(scales)) {
  model <- paste("factor =~", paste(scales[[s]], collapse = " + "))
  rows <- na.omit(items[, c("wave", scales[[s]])])
  for (step in names(steps)) for (kind in c("", "partial ")) {
    free <- freed[[s]]
    if (step == "metric") free <- free[grepl("=~", free)]
    if (kind != "" && (step == "configural" || length(free) == 0)) next
    fit <- cfa(model, data = rows, group = "wave", group.equal = steps[[step]], std.lv = TRUE, estimator = estimator,
               group.partial = if (kind == "") NULL else free)
    ending <- if (estimator == "MLR") ".robust" else ""
    found <- fitMeasures(fit)
    # A saturated model has no robust RMSEA in lavaan; its RMSEA is 0.
    for (q in c("cfi", "rmsea")) {
      value <- found[paste0(q, ending)]
      add(estimator, s, paste0(kind, step), q, if (is.na(value)) found[q] else value)
    }
    add(estimator, s, paste0(kind, step), "srmr", found["srmr"])
    add(estimator, s, paste0(kind, step), "chi2", found[if (estimator == "MLR") "chisq.scaled" else "chisq"])
    add(estimator, s, paste0(kind, step), "df", found["df"])
    if (step == "configural") {
      l <- sapply(lavInspect(fit, "std"), function(g) g$lambda[, 1])
      phi <- crossprod(l) / sqrt(outer(colSums(l^2), colSums(l^2)))
      add(estimator, s, step, "congruence", min(phi[lower.tri(phi)]))
    }
    if (step == "scalar") {
      means <- lavInspect(fit, "est")
      for (g in names(means)[-1]) add(estimator, s, paste0(kind, step), paste("mean", g), means[[g]]$alpha[1, 1])
    }
  }
}
write.csv(out, "invariance.csv", row.names = FALSE, quote = FALSE)

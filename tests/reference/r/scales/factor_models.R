# Factor models of lavaan: test statistics, fit indices, estimates and standard errors (raw and standardized).
suppressMessages(library(lavaan))
options(digits = 15)
hs <- read.csv("../../scales/holzinger_swineford.csv")
bfi <- read.csv("../../scales/bfi.csv")
for (item in c("A1", "C4", "C5", "E1", "E2", "O2", "O5")) bfi[[item]] <- 7 - bfi[[item]]
hs$block <- (seq_len(nrow(hs)) - 1) %/% 5
three <- "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
five <- paste(sapply(c("A", "C", "E", "N", "O"), function(f) paste0(f, " =~ ", paste0(f, 1:5, collapse = " + "))), collapse = "\n")

rows <- list()
add <- function(model, quantity, term, value) rows[[length(rows) + 1]] <<- data.frame(model, quantity, term, value)
measures <- c(chi2 = "chisq", df = "df", p_value = "pvalue", baseline_chi2 = "baseline.chisq", baseline_df = "baseline.df", cfi = "cfi", tli = "tli",
  rmsea = "rmsea", rmsea_low = "rmsea.ci.lower", rmsea_high = "rmsea.ci.upper", rmsea_close = "rmsea.pvalue", srmr = "srmr",
  log_likelihood = "logl", aic = "aic", bic = "bic", n_parameters = "npar", scaling = "chisq.scaling.factor", chi2_scaled = "chisq.scaled",
  p_value_scaled = "pvalue.scaled", baseline_scaling = "baseline.chisq.scaling.factor", cfi_robust = "cfi.robust", tli_robust = "tli.robust",
  rmsea_robust = "rmsea.robust", rmsea_low_robust = "rmsea.ci.lower.robust", rmsea_high_robust = "rmsea.ci.upper.robust", rmsea_close_robust = "rmsea.pvalue.robust")
store <- function(model, fit) {
  found <- fitMeasures(fit)
  for (name in names(measures)) if (measures[[name]] %in% names(found)) add(model, name, "", found[[measures[[name]]]])
  groups <- lavInspect(fit, "group.label")
  if (length(groups) > 1 && !grepl("mlr|standardized", model)) return(invisible())
  word <- function(t) ifelse(t$op == "=~", paste(t$lhs, "->", t$rhs), ifelse(t$op == "~~", paste(t$lhs, "~~", t$rhs),
    ifelse(t$lhs %in% lavNames(fit, "lv"), paste(t$lhs, "mean"), paste(t$lhs, "intercept"))))
  put <- function(t, kinds) for (i in seq_len(nrow(t))) {
    group <- if (length(groups) > 1) paste0(" [", groups[t$group[i]], "]") else ""
    for (kind in names(kinds)) add(model, kind, paste0(word(t)[i], group), t[[kinds[[kind]]]][i])
  }
  raw <- parameterEstimates(fit, rsquare = FALSE)
  raw <- raw[raw$op %in% c("=~", "~~", "~1"), ]
  if (length(groups) < 2) raw$group <- 1
  put(raw, c(estimate = "est", std_error = "se"))
  standard <- standardizedSolution(fit)
  standard <- standard[standard$op %in% c("=~", "~~", "~1"), ]
  if (length(groups) < 2) standard$group <- 1
  put(standard, c(standardized = "est.std", standardized_std_error = "se"))
}
# The usual optimizer stops where estimates have about five correct digits: Gauss-Newton steps lead
# on to the minimum, where it starts again.
fit <- function(..., estimator, cluster = NULL, meanstructure = TRUE) {
  near <- cfa(..., estimator = "ML", meanstructure = meanstructure)
  start <- cfa(..., estimator = "ML", meanstructure = meanstructure, start = near, optim.method = "GN", optim.gn.tol.x = 1e-13, optim.gn.iter.max = 1000L)
  suppressWarnings(cfa(..., estimator = estimator, cluster = cluster, meanstructure = meanstructure, start = start, optim.force.converged = TRUE))
}
store("hs_none", fit(three, hs, estimator = "ML"))
store("hs_mlm", fit(three, hs, estimator = "MLM"))
store("hs_mlr", fit(three, hs, estimator = "MLR"))
store("hs_standardized", fit(three, hs, estimator = "MLR", std.lv = TRUE))
store("hs_correlated", fit(paste(three, "x7 ~~ x8", sep = "\n"), hs, estimator = "MLR"))
store("hs_cluster", fit(three, hs, estimator = "MLR", cluster = "block"))
store("hs_without_means", fit(three, hs, estimator = "ML", meanstructure = FALSE))
groups <- list(configural = "", metric = "loadings", scalar = c("loadings", "intercepts"), strict = c("loadings", "intercepts", "residuals"))
for (estimator in c("ML", "MLM", "MLR")) {
  fits <- lapply(groups, function(equal) fit(three, hs, estimator = estimator, group = "school", group.label = c("Grant-White", "Pasteur"), group.equal = equal))
  fits$partial <- fit(three, hs, estimator = estimator, group = "school", group.label = c("Grant-White", "Pasteur"), group.equal = c("loadings", "intercepts"), group.partial = c("x3 ~ 1", "x7 ~ 1"))
  ending <- c(ML = "none", MLM = "mlm", MLR = "mlr")[[estimator]]
  for (name in names(fits)) store(paste0(name, "_", ending), fits[[name]])
  for (pair in list(c("metric", "configural"), c("scalar", "metric"), c("partial", "metric"), c("strict", "scalar"))) {
    test <- if (estimator == "ML") lavTestLRT(fits[[pair[2]]], fits[[pair[1]]]) else lavTestLRT(fits[[pair[2]]], fits[[pair[1]]], method = "satorra.bentler.2001")
    model <- paste0(pair[1], "_", pair[2], "_", ending)
    add(model, "difference", "", test[2, "Chisq diff"]); add(model, "difference_df", "", test[2, "Df diff"]); add(model, "difference_p", "", test[2, "Pr(>Chisq)"])
  }
}
store("scalar_standardized", fit(three, hs, estimator = "MLR", group = "school", group.label = c("Grant-White", "Pasteur"), group.equal = c("loadings", "intercepts"), std.lv = TRUE))
store("bfi_mlr", fit(five, bfi, estimator = "MLR"))
store("bfi_mlm", fit(five, bfi, estimator = "MLM"))
found <- do.call(rbind, rows)
found$value <- sprintf("%.15g", found$value)
write.csv(found, "factor_models.csv", row.names = FALSE, quote = which(names(found) == "term"))
